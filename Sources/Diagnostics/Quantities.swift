/// Bytes as people read them, in powers of 1,024 as the `memory` of a system is: `900 B`, `83.4 MiB`, `112 MiB`.
public func formatBytes(_ count: Int) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"]
    var value = Double(count) / 1024
    var unit = 0
    // 1023.96 would be shown as 1024.
    while value >= 1023.5, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    return count < 1024 ? "\(count) B" : "\(shortDecimal(value)) \(units[unit])"
}

/// Seconds as people read them: `0.08 s`, `9.5 s`, `41 s`, `3 min 5 s`.
public func formatSeconds(_ seconds: Double) -> String {
    if seconds < 0.995 {
        let hundredths = Int((max(0, seconds) * 100).rounded())
        return "0.\(hundredths < 10 ? "0" : "")\(hundredths) s"
    }
    if seconds < 9.95 { return "\(shortDecimal(seconds)) s" }
    let whole = Int(seconds.rounded())
    return whole < 120 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
}

/// A duration as people read it; see `formatSeconds` of a number.
public func formatSeconds(_ duration: Duration) -> String {
    formatSeconds(Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18)
}

/// With one decimal below 100, none above.
private func shortDecimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return value >= 99.95 ? "\(Int(value.rounded()))" : "\(tenths / 10).\(tenths % 10)"
}
