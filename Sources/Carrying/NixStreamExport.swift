import LinuxCalls
import LocalStore
import StoreModel
import SystemPackage

/// Writes objects, with all that they need, as a stream that `nix-store --import` takes.
///
/// Each object is hashed on the way: of one that is damaged the name never follows, so no nix takes it. A file is written
/// beside, synced and renamed. Blocking; memory for one chunk.
public struct NixStreamExport: Sendable {
    public let store: LocalStore
    public let output: ExportOutput

    public init(store: LocalStore, output: ExportOutput) {
        self.store = store
        self.output = output
    }

    /// What was done.
    public struct Report: Sendable {
        public var objects = 0
        /// Left out, since the reader has them.
        public var base = 0
        /// Of the stream.
        public var bytes = 0
    }

    /// - Parameters:
    ///   - roots: what is wanted at the other end.
    ///   - base: what is there already.
    public func run(
        _ roots: Set<StorePath>, base: Set<StorePath> = [], progress: @escaping Export.Progress
    ) throws -> Report {
        // Of what is collected while it is written, the stream would break off.
        try store.protect(roots)
        let closure = try store.closure(of: roots)
        let objects = closure.order.filter { !base.contains($0) }.compactMap { closure.registrations[$0] }
        var report = Report(objects: objects.count, base: closure.order.count - objects.count)
        switch output {
        case .pipe(let pipe):
            report.bytes = try write(objects, to: OutgoingBytes(output: pipe, name: "the pipe"), progress)
        case .file(let path):
            do {
                try replaceFile(at: path) { file in
                    report.bytes = try write(objects, to: OutgoingBytes(output: file, name: path.string), progress)
                }
            } catch let error as Errno {
                throw CarryingError("cannot write", path, error)
            }
        }
        return report
    }

    private func write(
        _ objects: [PathRegistration], to output: OutgoingBytes, _ progress: @escaping Export.Progress
    ) throws -> Int {
        let counter = SharedProgress(of: objects.reduce(0) { $0 + $1.narSize }, progress)
        var count = 0
        func put(_ bytes: [UInt8]) throws {
            try output.write(bytes)
            count += bytes.count
        }
        for registration in objects {
            try put(NixExport.objectMark)
            try store.writeWhole(registration) { bytes in
                try output.write(bytes)
                counter.add(bytes.count)
            }
            count += registration.narSize
            try put(
                NixExport.Claim(
                    path: registration.path, references: registration.references, deriver: registration.deriver
                ).bytes)
        }
        try put(NixExport.end)
        return count
    }
}
