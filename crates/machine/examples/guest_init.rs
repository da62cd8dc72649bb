//! A stand-in for the `cove` binary inside a machine, for tests of the machine itself: PID 1 as in the real
//! binary, and an API that answers pings and reports one running container with echo
//! servers on the ports 8080/tcp and 8081/udp.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::ExitCode;
    use std::time::Duration;

    pub(super) fn main() -> ExitCode {
        if let Some(code) = cove_machine::guest::take_over() {
            return ExitCode::from(code);
        }
        let args: Vec<String> = std::env::args().skip(1).collect();
        if args.first().is_some_and(|arg| arg == "system") {
            serve(args.last().and_then(|url| url.strip_prefix("unix://")).unwrap_or("/run/cove/cove.sock"));
        }
        ExitCode::SUCCESS
    }

    fn serve(path: &str) {
        let _ = cove_sys::fs::remove_file(path);
        let listener = UnixListener::bind(path).expect("bind");
        std::thread::spawn(echo);
        std::thread::spawn(echo_udp);
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || answer(connection));
        }
    }

    fn echo() {
        let listener = TcpListener::bind("0.0.0.0:8080").expect("bind");
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = connection.read(&mut buffer) {
                    if connection.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    }

    fn echo_udp() {
        let socket = UdpSocket::bind("0.0.0.0:8081").expect("bind");
        let mut buffer = [0; 2048];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..count], from);
        }
    }

    fn answer(mut connection: UnixStream) {
        let Ok(copy) = connection.try_clone() else { return };
        let mut lines = BufReader::new(copy).lines();
        while let Some(Ok(request)) = lines.next() {
            while let Some(Ok(header)) = lines.next() {
                if header.is_empty() {
                    break;
                }
            }
            if request.contains("/events") {
                let _ = connection.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
                );
                std::thread::sleep(Duration::from_secs(3600));
                return;
            }
            let body = if request.contains("/containers/json") {
                r#"[{"Id":"c1","Names":["web"],"State":"running","Ports":[{"host_ip":"","container_port":80,"host_port":8080,"range":1,"protocol":"tcp"},{"host_ip":"127.0.0.1","container_port":81,"host_port":8081,"range":1,"protocol":"udp"}]}]"#
            } else {
                "OK"
            };
            let date = jiff::fmt::rfc2822::DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&jiff::Timestamp::now());
            let head = format!(
                "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: {}\r\n\r\n",
                date.unwrap_or_default(),
                body.len()
            );
            if connection
                .write_all(head.as_bytes())
                .and_then(|()| connection.write_all(body.as_bytes()))
                .is_err()
            {
                return;
            }
        }
    }
}
