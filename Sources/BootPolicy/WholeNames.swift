import BootProtocols

/// A configuration of PXELINUX's for firmware that takes every name in it as it stands, as the library of SLOF and of s390x's
/// ROM does (its `lib/libnet/pxelinux.c`): no prefix counts, neither option 210 nor the folder that the configuration was in.
extension BootPolicy {
    /// All that the library reads of a configuration, the rest it cuts off.
    static let configurationRoom = 2047

    /// Nil where it would not be read whole.
    func wholeNames(for attempt: String, of system: ServedSystem, _ node: MACAddress?) -> BootFile? {
        func name(_ file: BootFileName.File) -> String { BootFileName(attempt: attempt, file: file).text(for: system) }
        let text = templates.wholeNames.render([
            "system": system.manifest.system, "kernel": name(.kernel), "initramfs": name(.initramfs),
            "parameters": commandLine(of: system, attempt: attempt, node: node),
        ])
        return text.utf8.count > Self.configurationRoom ? nil : Self.text(text)
    }
}
