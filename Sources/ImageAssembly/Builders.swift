import Building

/// Every builder of this module by the name that derivations call it by.
public let imageBuilders: [String: any Builder] = [
    "builtin:accounts": AccountsBuilder(),
    "builtin:catalogue": CatalogueBuilder(),
    "builtin:closure-segment": ClosureSegmentBuilder(),
    "builtin:configure": ConfigureBuilder(),
    "builtin:image": ImageBuilder(),
    "builtin:init": InitBuilder(),
    "builtin:kernel": KernelBuilder(),
    "builtin:program": ProgramBuilder(),
    "builtin:recipe": RecipeBuilder(),
    "builtin:segment": SegmentBuilder(),
    "builtin:services": ServicesBuilder(),
    "builtin:settings": SettingsBuilder(),
    "builtin:unpack": UnpackBuilder(),
]
