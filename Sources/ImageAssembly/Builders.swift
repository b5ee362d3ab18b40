import Building

/// Every builder of this module by the name that derivations call it by.
public let imageBuilders: [String: any Builder] = [
    "builtin:unpack": UnpackBuilder(),
    "builtin:segment": SegmentBuilder(),
    "builtin:kernel": KernelBuilder(),
]
