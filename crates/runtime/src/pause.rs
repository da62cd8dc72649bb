//! The program that holds the namespaces of a pod: it waits, reaps what becomes its child, and ends at SIGTERM or SIGINT.
//!
//! It is all of its container's root file system, so it must need nothing: no libraries, no interpreter. It is written
//! in assembler, brought along as bytes, and put into an ELF file of one segment; a page of memory is what it takes.

/// Where the file's one segment is mapped.
const BASE: u64 = 0x40_0000;
/// Sizes of an ELF header and of a program header.
const HEADERS: (u16, u16) = (64, 56);
/// SIGINT, SIGTERM and SIGCHLD, as a kernel's set of signals. They are blocked and waited for: those without a handler
/// would not reach the first process of a namespace.
const SIGNALS: u64 = 1 << 1 | 1 << 14 | 1 << 16;

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .rodata.cove_pause, \"a\"",
    ".globl cove_pause_start",
    ".hidden cove_pause_start",
    ".globl cove_pause_end",
    ".hidden cove_pause_end",
    "cove_pause_start:",
    "mov eax, 14", // rt_sigprocmask(SIG_BLOCK, &signals, NULL, 8)
    "xor edi, edi",
    "lea rsi, [rip + 5f]",
    "xor edx, edx",
    "mov r10d, 8",
    "syscall",
    "2:",
    "mov eax, 128", // rt_sigtimedwait(&signals, NULL, NULL, 8)
    "lea rdi, [rip + 5f]",
    "xor esi, esi",
    "xor edx, edx",
    "mov r10d, 8",
    "syscall",
    "test eax, eax", // interrupted
    "js 2b",
    "cmp eax, 17",
    "jne 4f",
    "3:",
    "mov eax, 61", // wait4(-1, NULL, WNOHANG, NULL), as long as there is one
    "mov edi, -1",
    "xor esi, esi",
    "mov edx, 1",
    "xor r10d, r10d",
    "syscall",
    "test eax, eax",
    "jg 3b",
    "jmp 2b",
    "4:",
    "mov eax, 231", // exit_group(0)
    "xor edi, edi",
    "syscall",
    ".p2align 3",
    "5:",
    ".quad {signals}",
    "cove_pause_end:",
    ".popsection",
    signals = const SIGNALS,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .rodata.cove_pause, \"a\"",
    ".p2align 3",
    ".globl cove_pause_start",
    ".hidden cove_pause_start",
    ".globl cove_pause_end",
    ".hidden cove_pause_end",
    "cove_pause_start:",
    "mov x8, #135", // rt_sigprocmask(SIG_BLOCK, &signals, NULL, 8)
    "mov x0, #0",
    "adr x1, 5f",
    "mov x2, #0",
    "mov x3, #8",
    "svc #0",
    "2:",
    "mov x8, #137", // rt_sigtimedwait(&signals, NULL, NULL, 8)
    "adr x0, 5f",
    "mov x1, #0",
    "mov x2, #0",
    "mov x3, #8",
    "svc #0",
    "tbnz w0, #31, 2b", // interrupted
    "cmp w0, #17",
    "b.ne 4f",
    "3:",
    "mov x8, #260", // wait4(-1, NULL, WNOHANG, NULL), as long as there is one
    "mov x0, #-1",
    "mov x1, #0",
    "mov x2, #1",
    "mov x3, #0",
    "svc #0",
    "cmp w0, #0",
    "b.gt 3b",
    "b 2b",
    "4:",
    "mov x8, #94", // exit_group(0)
    "mov x0, #0",
    "svc #0",
    ".p2align 3",
    "5:",
    ".quad {signals}",
    "cove_pause_end:",
    ".popsection",
    signals = const SIGNALS,
);

/// The machine's number in an ELF header.
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

/// The program, as the bytes of an executable file; [`None`] on machines for which it was not written.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[must_use]
pub fn pause_program() -> Option<Vec<u8>> {
    unsafe extern "C" {
        static cove_pause_start: u8;
        static cove_pause_end: u8;
    }
    let (start, end) = (&raw const cove_pause_start, &raw const cove_pause_end);
    // SAFETY: the two symbols above begin and end one run of bytes in a section that is only read.
    let code = unsafe { std::slice::from_raw_parts(start, end.addr() - start.addr()) };
    Some(executable(code))
}

/// The program, as the bytes of an executable file; [`None`] on machines for which it was not written.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[must_use]
pub fn pause_program() -> Option<Vec<u8>> {
    None
}

/// An ELF file of one segment (elf(5)), which begins with its headers and whose code follows.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn executable(code: &[u8]) -> Vec<u8> {
    let (header, program_header) = HEADERS;
    let before = u64::from(header) + u64::from(program_header);
    let size = before + code.len() as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let halves = |file: &mut Vec<u8>, values: &[u16]| {
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    };
    let words = |file: &mut Vec<u8>, values: &[u32]| {
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    };
    let longs = |file: &mut Vec<u8>, values: &[u64]| {
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    };
    // An executable, its machine; the version; entry, program headers, section headers; flags; sizes and numbers.
    halves(&mut file, &[2, MACHINE]);
    words(&mut file, &[1]);
    longs(&mut file, &[BASE + before, u64::from(header), 0]);
    words(&mut file, &[0]);
    halves(&mut file, &[header, program_header, 1, 0, 0, 0]);
    // To be loaded, read and run; place in the file, address, physical address, sizes, alignment.
    words(&mut file, &[1, 5]);
    longs(&mut file, &[0, BASE, BASE, size, size, 0x1_0000]);
    file.extend(code);
    file
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;
    use cove_sys::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn it_waits_until_it_is_asked_to_end() {
        let path = std::env::temp_dir().join(format!("cove-pause-{}", std::process::id()));
        let program = pause_program().unwrap();
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        for signal in [libc::SIGTERM, libc::SIGINT] {
            let mut child = std::process::Command::new(&path).spawn().unwrap();
            let pid = rustix::process::Pid::from_child(&child);
            // It sleeps nowhere but where it waits for signals.
            let waits = || {
                let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
                status.contains("State:\tS")
            };
            let begin = std::time::Instant::now();
            while !waits() {
                assert!(begin.elapsed() < std::time::Duration::from_secs(180), "it does not wait");
                std::thread::yield_now();
            }
            let number = rustix::process::Signal::from_named_raw(signal).unwrap();
            assert!(child.try_wait().unwrap().is_none());
            rustix::process::kill_process(pid, number).unwrap();
            let status = child.wait().unwrap();
            assert_eq!((status.code(), status.signal()), (Some(0), None));
        }
        fs::remove_file(path).unwrap();
    }
}
