import Building
import Foundation
import SystemPackage

/// `builtin:accounts`: what a system without dpkg begins with, laid out as `builtin:configure` lays out what dpkg made:
/// `accounts/{passwd,group,shadow,gshadow}` and an empty `skel/`.
///
/// Environment: `files`, a JSON object of their texts by name.
public struct AccountsBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let files = try JSONDecoder().decode([String: String].self, from: Data(try request.require("files").utf8))
        let folder = request.output.appending("accounts")
        for path in [request.output, folder, request.output.appending("skel")] { try Tree.makeDirectory(path) }
        for (name, text) in files { try Tree.write(Array(text.utf8), to: folder.appending(name)) }
    }
}
