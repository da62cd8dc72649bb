//! The way from the host to the guest's sshd.

use std::ffi::OsString;
use std::fmt;
use std::io;
#[cfg(unix)]
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Where the guest's sshd answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestAddress {
    /// A TCP port on 127.0.0.1.
    Port(u16),
    /// A Unix socket, such as a hypervisor makes of a port of the guest's vsock.
    #[cfg(unix)]
    Socket(PathBuf),
    /// A program (with its arguments) whose standard streams are the connection, such as `wsl.exe … sshd -i`.
    Program(Vec<OsString>),
}

/// A byte stream to the guest.
pub(crate) trait GuestStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> GuestStream for T {}

impl GuestAddress {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers there, or the program cannot be started.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn GuestStream>> {
        match self {
            Self::Port(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Self::Socket(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            Self::Program(words) => {
                let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
                let mut child = tokio::process::Command::new(program)
                    .args(arguments)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    .spawn()?;
                let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
                    return Err(io::ErrorKind::BrokenPipe.into());
                };
                // It ends when its input does; somebody has to wait for it.
                tokio::spawn(async move { child.wait().await });
                Ok(Box::new(tokio::io::join(output, input)))
            }
        }
    }

    /// The options of the programs `ssh` and `scp` that lead there; the host's name on its command line does not matter then.
    pub(crate) fn ssh_options(&self) -> Vec<OsString> {
        let proxy = |command: OsString| {
            let mut option = OsString::from("ProxyCommand=");
            option.push(command);
            vec!["-o".into(), option]
        };
        match self {
            // Not -p, which is another option of scp's.
            Self::Port(port) => vec!["-o".into(), format!("Port={port}").into()],
            #[cfg(unix)]
            Self::Socket(path) => proxy(join(["nc".into(), "-U".into(), path.clone().into_os_string()])),
            Self::Program(words) => proxy(join(words.iter().cloned())),
        }
    }
}

/// Words as one line for ssh's `ProxyCommand`, which a shell reads and in which `%` begins a token of ssh's.
fn join(words: impl IntoIterator<Item = OsString>) -> OsString {
    let quoted = words.into_iter().map(|word| {
        let text = word.to_string_lossy().replace('%', "%%").replace('\'', r"'\''");
        format!("'{text}'")
    });
    quoted.collect::<Vec<_>>().join(" ").into()
}

impl fmt::Display for GuestAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(formatter, "127.0.0.1:{port}"),
            #[cfg(unix)]
            Self::Socket(path) => write!(formatter, "{}", path.display()),
            Self::Program(words) => {
                write!(formatter, "{}", words.first().cloned().unwrap_or_default().display())
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn echoes(address: &GuestAddress) {
        let mut stream = address.connect().await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello", "{address}");
    }

    #[tokio::test]
    async fn every_way_carries_bytes_both_ways() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = socket.accept().await.unwrap();
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        let port = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let number = port.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = port.accept().await.unwrap();
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        echoes(&GuestAddress::Socket(path)).await;
        echoes(&GuestAddress::Port(number)).await;
        echoes(&GuestAddress::Program(vec!["cat".into()])).await;
        assert!(GuestAddress::Program(Vec::new()).connect().await.is_err());
    }

    #[test]
    fn the_ssh_program_is_led_the_same_way() {
        assert_eq!(GuestAddress::Port(22).ssh_options(), ["-o", "Port=22"]);
        let socket = GuestAddress::Socket("/run/a b/it's%".into());
        assert_eq!(socket.ssh_options(), ["-o", r"ProxyCommand='nc' '-U' '/run/a b/it'\''s%%'"]);
    }
}
