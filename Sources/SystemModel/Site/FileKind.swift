/// What a YAML file that a person wrote is about, told by its keys: so that one verb takes either.
public enum ConfigurationFileKind: Sendable {
    case system
    case site

    /// By the keys at the top that only one kind has; a file with neither, or no YAML, counts as a system's, whose
    /// reader then says what is wrong.
    public init(of bytes: [UInt8]) {
        var problems: [ConfigurationProblem] = []
        let tree = YAMLReader.read(bytes, file: "", maximumSize: Site.maximumFileSize, problems: &problems)
        let keys = Set(tree?.entries.map(\.key) ?? [])
        let site = Set(SiteFields.table.fields.map(\.key))
        let system = Set(SystemFields.table.map(\.key))
        self =
            keys.intersection(site.subtracting(system)).count
                > keys.intersection(system.subtracting(site)).count ? .site : .system
    }
}
