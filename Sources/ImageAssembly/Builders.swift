import Building

/// Every builder of this module by the name that derivations call it by.
public let imageBuilders: [String: any Builder] = [
    "builtin:catalogue": CatalogueBuilder(),
    "builtin:configure": ConfigureBuilder(),
    "builtin:image": ImageBuilder(),
    "builtin:init": InitBuilder(),
    "builtin:kernel": KernelBuilder(),
    "builtin:recipe": RecipeBuilder(),
    "builtin:segment": SegmentBuilder(),
    "builtin:services": ServicesBuilder(),
    "builtin:settings": SettingsBuilder(),
    "builtin:unpack": UnpackBuilder(),
]
