import MediumModel
import StoreModel
import Testing

@Suite struct InventoryTests {
    @Test func `it is written as its description says, and read back`() throws {
        let paths = try ["b", "a"].map { try StorePath(baseName: "\(String(repeating: "0", count: 32))-\($0)") }
        let inventory = Inventory(created: 5, expires: 9, paths: Set(paths))
        let text = """
            Bootferry-Inventory: 1
            Created: 5
            Expires: 9
            Path: \(paths[1].baseName)
            Path: \(paths[0].baseName)

            """
        #expect(inventory.text == text)
        #expect(try Inventory(parsing: text) == inventory)
        for spoiled in [
            text.replacing("Expires: 9", with: "Expires: -9"), text.replacing("Inventory: 1", with: "Inventory: 2"),
            text.replacing("Path", with: "Root"), String(text.dropLast()), text + "Path: \(paths[1].baseName)\n",
        ] {
            #expect(throws: StoreModelError.self) { try Inventory(parsing: spoiled) }
        }
    }
}
