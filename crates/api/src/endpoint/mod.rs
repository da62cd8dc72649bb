//! The libpod API and what Cove has beside it: every endpoint declared once, with both of its ends beside it.
//!
//! An endpoint is a constant, [`Endpoint`]: method, path, and the types of its parameters, its body and its answer. In
//! the file of its resource stand the declaration, the call of a trait that a server makes for it (in `serve`), and the
//! method of the trait that calls it through a service (in the implementation of the trait for [`Remote`]). A server
//! takes them all by [`routes`], a client is a [`Remote`] over its [`Transport`], and [`document`] is the OpenAPI
//! document. None of these knows a single endpoint.
//!
//! ```text
//! Remote<Transport>  -- http::Request -->  server -- Incoming -->  Route::serve  -->  dyn Engine
//!   write: parameters, body                                          read: parameters, body
//!   receive: answer      <-- http::Response --   server <-- Reply --  reply: answer
//! ```
//!
//! What the parameters mean stands at the fields of the option structs, which are those of the traits.

mod answer;
mod artifact;
mod auth;
mod body;
mod browse;
mod build;
mod checkpoint;
mod container;
mod declare;
mod exec;
mod files;
mod frames;
mod image;
mod kube;
mod manifest;
mod network;
mod openapi;
mod parameters;
mod pod;
mod progress;
mod quadlet;
mod remote;
mod secret;
mod serve;
mod system;
mod unit;
mod volume;

pub use answer::{Answer, Asked, Attached, Code, Described, Exists, Log, Received, Reply, json_lines};
pub use auth::{AuthConfig, RegistryAuth, RegistryConfig};
pub use body::{Archive, Blob, Body, Data, Json, Outgoing};
pub use build::BuildParameters;
pub use container::replay;
pub use declare::{Endpoint, Family, PathParameters, Verb};
pub use exec::ExecStart;
pub use files::PATH_STAT;
pub use frames::{FRAMED, RAW, frame, log_bytes};
pub use image::Tag;
pub use openapi::document;
pub use parameters::{Both, Nothing, Parameters};
pub use remote::{Duplex, Remote, TakenOver, Transport};
pub use serve::{Call, Incoming, Route, Routes, Served, routes};
pub use system::ServiceVersion;

/// Every endpoint.
fn every(routes: &mut impl Routes) {
    artifact::serve(routes);
    browse::serve(routes);
    build::serve(routes);
    container::serve(routes);
    exec::serve(routes);
    files::serve(routes);
    image::serve(routes);
    kube::serve(routes);
    manifest::serve(routes);
    network::serve(routes);
    quadlet::serve(routes);
    secret::serve(routes);
    pod::serve(routes);
    system::serve(routes);
    unit::serve(routes);
    volume::serve(routes);
}
