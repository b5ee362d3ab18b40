import ArgumentParser

/// As what an export is written.
enum ExportFormat: String, ExpressibleByArgument {
    case medium
    case nixExport = "nix-export"
    case oci
}

/// A number of bytes as people write it: `4096`, `64K`, `2G`; powers of 1,024.
func parseSize(_ text: String) -> Int? {
    let units = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.last.flatMap { units[String($0).uppercased()] }
    guard let number = Int(shift == nil ? Substring(text) : text.dropLast()), number >= 0 else { return nil }
    let (bytes, isOver) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    return isOver ? nil : bytes
}
