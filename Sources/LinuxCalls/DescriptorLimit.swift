import CLinuxCalls

/// Raises this process's soft limit of open descriptors to its hard one (getrlimit(2), RLIMIT_NOFILE).
///
/// - Returns: The limit that holds now.
public func raiseDescriptorLimit() throws(NetworkCallError) -> Int {
    let limit = bf_raise_descriptor_limit()
    try NetworkCallError.check(Int32(clamping: limit), "open files", "the limit cannot be read")
    return limit
}
