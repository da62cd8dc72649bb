//! Thin edges to the kernel: signals, detaching, descriptors over sockets.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};

/// Where the signal handler writes; -1 before [`Signals::install`].
static SIGNAL_PIPE: AtomicI32 = AtomicI32::new(-1);

/// Signals as bytes on a pipe. Handlers, unlike a signal mask, do not pass to the programs that are started.
pub(crate) struct Signals {
    reader: OwnedFd,
    _writer: OwnedFd,
}

extern "C" fn on_signal(signal: libc::c_int) {
    let fd = SIGNAL_PIPE.load(Ordering::Relaxed);
    let byte = signal as u8;
    // SAFETY: write(2) is async-signal-safe, the buffer is one byte on this stack, and errno is restored so that the
    // interrupted code does not see a foreign one.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        libc::write(fd, (&raw const byte).cast(), 1);
        *errno = saved;
    }
}

impl Signals {
    /// Catches SIGCHLD and the signals that ask the monitor to end; SIGHUP is caught to be ignored.
    pub(crate) fn install() -> io::Result<Self> {
        let (reader, writer) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK)?;
        SIGNAL_PIPE.store(writer.as_raw_fd(), Ordering::Relaxed);
        // SIGPIPE: std's start-up already ignores it and restores it for the programs it starts.
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
            set_action(signal, on_signal as *const () as usize)?;
        }
        Ok(Self { reader, _writer: writer })
    }

    /// The descriptor to poll.
    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.reader
    }

    /// The signals since the last call.
    pub(crate) fn take(&self) -> Vec<i32> {
        let mut buffer = [0_u8; 256];
        match rustix::io::read(&self.reader, &mut buffer) {
            Ok(n) => buffer[..n].iter().map(|b| i32::from(*b)).collect(),
            Err(_) => Vec::new(),
        }
    }
}

fn set_action(signal: i32, handler: usize) -> io::Result<()> {
    // SAFETY: an all-zero sigaction is valid; the handler is a function of the right type or SIG_IGN.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes every descriptor from 3 on: what the engine's caller left open must not live as long as the container.
pub(crate) fn close_inherited() {
    // SAFETY: called first thing in main, when this process owns nothing but the standard streams.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
}

/// Goes on in a child with its own session; the parent ends with status 0.
pub(crate) fn detach() -> io::Result<()> {
    // SAFETY: the process is single-threaded, so the child may go on with ordinary code; the parent leaves without
    // running destructors, which belong to the child now.
    unsafe {
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {}
            _ => libc::_exit(0),
        }
    }
    rustix::process::setsid()?;
    Ok(())
}

/// Copies a descriptor to the first free number from `least` on, closed on exec.
pub(crate) fn copy_up(fd: RawFd, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl on a number; the result, if not negative, is a new descriptor that nobody else owns.
    unsafe {
        let new = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, least);
        if new < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(new)) }
    }
}

/// Occupies the numbers 3 to `end` - 1 where they are free, so that nothing else gets them: they are given to the
/// process that is started.
pub(crate) fn reserve_numbers(end: RawFd) -> io::Result<Vec<OwnedFd>> {
    let mut reserved = Vec::new();
    loop {
        let fd = copy_up(0, 3)?;
        if fd.as_raw_fd() >= end {
            return Ok(reserved);
        }
        reserved.push(fd);
    }
}

/// Points the three standard descriptors at `/dev/null`.
pub(crate) fn close_standard_streams() -> io::Result<()> {
    let null = open_null()?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// `/dev/null`, read and write.
pub(crate) fn open_null() -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Receives up to `count` descriptors with one message.
pub(crate) fn receive_descriptors(socket: impl AsFd, count: usize) -> io::Result<Vec<OwnedFd>> {
    const MAX: usize = 253; // SCM_MAX_FD
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut data = [0_u8; 4096];
    let message = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(&mut data)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    let mut received = Vec::new();
    for control in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = control {
            received.extend(fds);
        }
    }
    if received.len() != count || message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other(format!("expected {count} descriptors, got {}", received.len())));
    }
    Ok(received)
}

/// Makes reads and writes return instead of waiting.
pub(crate) fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK)?;
    Ok(())
}

/// Nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// Milliseconds on a clock that never jumps.
pub(crate) fn monotonic_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}
