//! `moby.buildkit.v1.frontend.LLBBridge`: what a client's own frontend calls.
//!
//! buildx and Compose build so: their frontend asks the bridge for a build by `dockerfile.v0`, and returns the result to the
//! build that waits for it.

use tonic::Status;

use crate::attributes::Frontend;
use crate::daemon::Daemon;
use crate::error::status;
use crate::messages::{
    BridgeSolveRequest, BridgeSolveResponse, Capability, Empty, Outcome, PongResponse, Reference,
    ReturnRequest, Returned,
};

/// What the bridge can do.
const FRONTEND: [&str; 7] = [
    "solve.base",
    "return",
    "returnmap",
    "proto.refarray",
    "frontend.caps",
    "gateway.evaluate",
    "gateway.solve.evaluate",
];
/// What build files can say, in the words of graphs, as far as clients look at it.
const LLB: [&str; 16] = [
    "source.image",
    "source.local",
    "source.local.unique",
    "source.local.sessionid",
    "source.local.includepatterns",
    "source.local.followpaths",
    "source.local.excludepatterns",
    "source.local.sharedkeyhint",
    "exec.meta.base",
    "exec.meta.network",
    "exec.mount.cache",
    "exec.mount.secret",
    "file.base",
    "constraints",
    "platform",
    "exporter.image.annotations",
];

/// The build that a call is part of, by the header of the call.
pub(crate) const BUILD: &str = "buildkit-controlapi-buildid";

impl Daemon {
    /// What there is.
    pub(crate) async fn ping(&self, _: Empty) -> Result<PongResponse, Status> {
        let capability = |id: &str| Capability { id: id.to_owned(), enabled: true };
        Ok(PongResponse { frontend: FRONTEND.map(capability).into(), llb: LLB.map(capability).into() })
    }

    /// Builds, as a part of a build.
    pub(crate) async fn bridge_solve(
        &self,
        build: &str,
        request: BridgeSolveRequest,
    ) -> Result<BridgeSolveResponse, Status> {
        let build = self.builds.find(build).await?;
        build.check()?;
        if request.definition.is_some_and(|definition| !definition.operations.is_empty())
            || !request.inputs.is_empty()
        {
            return Err(Status::unimplemented("a build by a graph of operations (LLB) is not supported"));
        }
        if request.frontend.is_empty() {
            // A result of nothing, which is what some clients return.
            return Ok(BridgeSolveResponse {
                result: Some(Outcome::default()),
                ..BridgeSolveResponse::default()
            });
        }
        let frontend = Frontend::read(&request.frontend, request.attributes).map_err(status)?;
        let id = self.build(frontend, &build).await?;
        let name = build.keep(id)?;
        let result = request.allow_result.then(|| Outcome {
            returned: Some(Returned::One(Reference { id: name.clone() })),
            ..Outcome::default()
        });
        Ok(BridgeSolveResponse { reference: name, result })
    }

    /// The client's frontend has ended.
    pub(crate) async fn bridge_return(&self, build: &str, request: ReturnRequest) -> Result<Empty, Status> {
        self.builds.find(build).await?.give(request)?;
        Ok(Empty {})
    }
}
