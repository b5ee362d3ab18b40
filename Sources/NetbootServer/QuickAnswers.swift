/// Whether it pays to look for a client's answer a little while before sleeping.
///
/// With window 1 each packet waits for the other side. Where that answers within microseconds (loopback, a guest on this host,
/// a fast network) falling asleep and being woken costs more than the packet, most of all in a virtual machine, whose idle
/// processor goes back to its host: looking made one client's transfer two to three times as quick here, at a tenth less CPU.
/// Over slower networks looking is in vain, so it is tried now and then only.
struct QuickAnswers {
    /// How long to look.
    static let patience = Duration.microseconds(100)
    /// After a look in vain so many waits pass before the next.
    static let pause = 32

    private var waitsLeft = 0

    /// Whether to look before this wait, which follows upon packets.
    mutating func isWorthLooking() -> Bool {
        if waitsLeft == 0 { return true }
        waitsLeft -= 1
        return false
    }

    mutating func looked(found: Bool) { if !found { waitsLeft = Self.pause } }
}
