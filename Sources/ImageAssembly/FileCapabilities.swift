import Building

/// The `security.capability` attribute (capabilities(7), `struct vfs_cap_data`, little-endian) as setcap(8) takes it.
enum FileCapabilities {
    /// The names of `linux/capability.h`, by bit.
    private static let names = [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
        "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
        "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
        "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
        "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
        "checkpoint_restore",
    ]

    /// setcap's text for an attribute in hexadecimal, such as `cap_net_raw=ep`.
    static func text(hexadecimal: String, path: String) throws(BuildError) -> String {
        func word(_ index: Int) -> UInt32? {
            let digits = Array(hexadecimal.utf8)
            guard digits.count >= index * 8 + 8 else { return nil }
            var value: UInt32 = 0
            for byte in 0..<4 {
                let start = index * 8 + byte * 2
                guard let part = UInt32(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else {
                    return nil
                }
                value |= part << UInt32(byte * 8)
            }
            return value
        }
        guard let magic = word(0), [2, 3].contains(magic >> 24), let permittedLow = word(1),
            let inheritableLow = word(2),
            let permittedHigh = word(3), let inheritableHigh = word(4)
        else {
            throw BuildError(
                kind: .corrupt, subject: path,
                message: "has the capability attribute '\(hexadecimal)', expected version 2 or 3")
        }
        let permitted = UInt64(permittedHigh) << 32 | UInt64(permittedLow)
        let inheritable = UInt64(inheritableHigh) << 32 | UInt64(inheritableLow)
        let effective = magic & 1 == 1
        var clauses: [String] = []
        for (flags, set) in [
            ("p", permitted & ~inheritable), ("i", inheritable & ~permitted), ("ip", permitted & inheritable),
        ] {
            let chosen = names.indices.filter { set >> UInt64($0) & 1 == 1 }.map { "cap_\(names[$0])" }
            if !chosen.isEmpty { clauses.append("\(chosen.joined(separator: ","))=\(effective ? "e" : "")\(flags)") }
        }
        return clauses.joined(separator: " ")
    }
}
