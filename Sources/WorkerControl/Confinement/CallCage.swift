import CLinux
import Glibc

/// The system calls that a worker is refused once its session's door stands (seccomp(2)): those that reach other
/// processes, other networks, the kernel's configuration, or parts of the kernel that no OpenCL driver needs.
///
/// Refused by name rather than allowed by name: which calls a vendor's driver makes changes with its version.
package enum CallCage {
    private static let refused: [Int32] = [
        // A network of its own: the session's listener and connection are open by now.
        SYS_socket, SYS_connect, SYS_bind, SYS_listen,
        // Other processes.
        SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo,
        SYS_rt_tgsigqueueinfo, SYS_kcmp,
        SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal,
        // Ways out of the process group with which the GPU server ends all that a worker has started.
        SYS_setsid, SYS_setpgid,
        // Other roots and namespaces.
        SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_open_by_handle_at,
        SYS_name_to_handle_at, SYS_fsopen, SYS_fsmount, SYS_move_mount, SYS_open_tree,
        // The host.
        SYS_reboot, SYS_swapon, SYS_swapoff, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
        SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_acct, SYS_syslog, SYS_quotactl,
        // Large parts of the kernel that drivers do without.
        SYS_bpf, SYS_perf_event_open, SYS_io_uring_setup, SYS_userfaultfd, SYS_add_key, SYS_request_key, SYS_keyctl,
    ]

    /// Confines every thread of the process, for good. A refused call fails with `EPERM`. Returns why not, where the
    /// kernel cannot.
    ///
    /// - Parameter connecting: whether the process may still connect to sockets, as a program that asks an agent must.
    package static func close(connecting: Bool = false) -> String? {
        let kept: Set<Int32> = connecting ? [Int32(SYS_socket), Int32(SYS_connect)] : []
        let program = program(refusing: refused.filter { !kept.contains($0) })
        guard presync_set_no_new_privileges() == 0,
            presync_install_filter(program, UInt16(program.count)) == 0
        else { return "seccomp: \(String(cString: strerror(errno)))" }
        return nil
    }

    /// Loads the number of the call, and compares it with each that is refused. Calls of another architecture's numbers
    /// are refused too: they would be mistaken. A signal to a thread may be sent within this process only; what it starts
    /// has none to send.
    private static func program(refusing refused: [Int32]) -> [sock_filter] {
        let refusal = returning(0x0005_0000 | UInt32(EPERM))  // SECCOMP_RET_ERRNO
        var program = [
            loading(4), sock_filter(code: jumpIfEqual, jt: 1, jf: 0, k: architecture), refusal,
            loading(0), sock_filter(code: jumpIfAtLeast, jt: 0, jf: 1, k: 0x4000_0000), refusal,
        ]
        for call in refused {
            program += [sock_filter(code: jumpIfEqual, jt: 0, jf: 1, k: UInt32(call)), refusal]
        }
        program += [
            sock_filter(code: jumpIfEqual, jt: 0, jf: 3, k: UInt32(SYS_tgkill)), loading(16),
            sock_filter(code: jumpIfEqual, jt: 1, jf: 0, k: UInt32(getpid())), refusal,
        ]
        return program + [returning(0x7FFF_0000)]  // SECCOMP_RET_ALLOW
    }

    // Instructions of the kernel's classic packet filter (linux/filter.h); offsets are those of struct seccomp_data.
    private static let jumpIfEqual: UInt16 = 0x15
    private static let jumpIfAtLeast: UInt16 = 0x35
    private static func loading(_ offset: UInt32) -> sock_filter { sock_filter(code: 0x20, jt: 0, jf: 0, k: offset) }
    private static func returning(_ value: UInt32) -> sock_filter { sock_filter(code: 0x06, jt: 0, jf: 0, k: value) }

    /// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_AARCH64` (linux/audit.h).
    #if arch(arm64)
        private static let architecture: UInt32 = 0xC000_00B7
    #else
        private static let architecture: UInt32 = 0xC000_003E
    #endif
}
