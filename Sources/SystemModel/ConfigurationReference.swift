/// The pages and schemas made from the field tables.
public enum ConfigurationReference {
    /// The JSON Schema (draft 2020-12) of system files.
    public static func systemSchema() -> String { systemTable.schema() }

    /// The JSON Schema (draft 2020-12) of platform files.
    public static func platformSchema() -> String { PlatformFields.table.schema() }

    /// The JSON Schema (draft 2020-12) of board files.
    public static func boardSchema() -> String { BoardFields.table.schema() }

    /// The JSON Schema (draft 2020-12) of recipes.
    public static func recipeSchema() -> String { RecipeFields.table.schema() }

    /// The JSON Schema (draft 2020-12) of site files.
    public static func siteSchema() -> String { SiteFields.table.schema() }

    /// `docs/configuration.md`.
    public static func page() -> String {
        """
        # What the files under `targets/` and `netboot/` may say

        Made by a test (ReferenceTests) from the tables that the parser uses; do not edit it by hand.
        Values are YAML. Lists of an importing file are appended to the imported ones, records are merged, and text
        given twice is an error unless one of the two says `!override` before its value. `!override` on a list or a
        record replaces the imported one, and `!remove` on a list's element takes an imported element out.


        """ + systemTable.reference() + "\n" + PlatformFields.table.reference() + "\n"
            + BoardFields.table.reference() + "\n" + RecipeFields.table.reference() + "\n"
            + SiteFields.table.reference()
    }

    private static let systemTable = FieldTable(
        name: "system", purpose: "A `system.yaml` says what one system is: every key but `version` may be left out.",
        fields: SystemFields.table)
}
