import Compression
import FileFormats
import Glibc
import StoreModel
import SystemPackage

/// This process's program and the libraries that it needs, as files.
///
/// They are found by what the kernel has mapped (`/proc/self/maps`) and which of those files asks for which (`ELF.Linkage`):
/// not by searching folders as a loader would, nor by ldd(1), which runs what it is asked about.
public struct RunningProgram: Sendable {
    /// The program itself.
    public let program: FilePath
    /// By the names that they are asked for by; the dynamic loader is one of them.
    public let libraries: [String: FilePath]
    /// The dynamic loader's name.
    public let loader: String
    /// As uname(2) has the processor, such as `x86_64`.
    public let machine: String

    /// This process, with the libraries that it loads only when something is carried. What needs further programs of the host
    /// anyhow, as fetching and unpacking packages do, is left out: libcurl and libarchive bring 45 MB.
    public static func current() throws -> RunningProgram {
        let late = try CompressionFormat.loadLibraries()
        return try RunningProgram(maps: ownMaps(), late: late, machine: kernelMachine())
    }

    /// - Parameters:
    ///   - maps: in the form of `/proc/PID/maps` (proc(5)).
    ///   - late: libraries that no file asks for, and that the program opens when it runs.
    init(maps: String, late: [String], machine: String) throws {
        self.machine = machine
        var program: (path: FilePath, interpreter: String, needed: [String])?
        var mapped: [String: (path: FilePath, needed: [String])] = [:]
        for path in try Self.executableFiles(maps) {
            let (file, linkage) = try Self.read(path)
            if let name = linkage.name {
                mapped[name] = (path, linkage.needed)
            } else if let interpreter = file.interpreter {
                program = (path, interpreter, linkage.needed)
            }
        }
        guard let program, let loader = FilePath(program.interpreter).lastComponent?.string else {
            throw CarryingError(
                "this program", "asks for no dynamic loader, so its libraries cannot be carried", kind: .host,
                remedy: "export --without-bootferry")
        }
        self.program = program.path
        self.loader = loader
        var libraries: [String: FilePath] = [:]
        var pending = program.needed + late + [loader]
        while let name = pending.popLast() {
            guard libraries[name] == nil else { continue }
            guard let found = mapped[name] else {
                throw CarryingError(
                    "'\(name)'", "is needed by this program and not loaded", kind: .host,
                    remedy: "export --without-bootferry")
            }
            libraries[name] = found.path
            pending += found.needed
        }
        self.libraries = libraries
    }

    /// What runs this program once more, to be followed by its arguments: by its own loader where that is not the host's.
    public var command: [String] {
        get throws {
            guard let loader = libraries[loader], try FilePath(Self.link("/proc/self/exe")) == loader else {
                return [program.string]
            }
            return [
                loader.string, "--inhibit-cache", "--library-path", loader.removingLastComponent().string,
                program.string,
            ]
        }
    }

    /// Files of which something that can be run is mapped, each once.
    private static func executableFiles(_ maps: String) throws -> [FilePath] {
        var paths: [FilePath] = []
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1].contains("x") else { continue }
            // The path's column begins at a fixed place, with spaces before it.
            let name = fields[5].drop { $0 == " " }
            guard name.first == "/" else { continue }
            let path = FilePath(String(name))
            if paths.last != path { paths.append(path) }
        }
        let deleted = " (deleted)"
        if let gone = paths.first(where: { $0.string.hasSuffix(deleted) }) {
            throw CarryingError(
                "'\(gone.string.dropLast(deleted.count))'", "was replaced since this program began", kind: .host,
                remedy: "run the same command again")
        }
        return paths
    }

    private static func read(_ path: FilePath) throws -> (ELF.File, ELF.Linkage) {
        let (descriptor, size) = try MediumFiles.open(path)
        defer { try? descriptor.close() }
        func bytes(_ offset: Int, _ count: Int) throws -> [UInt8] {
            try MediumFiles.bytes(of: descriptor, at: offset, count: count)
        }
        do {
            let file = try ELF.read(size: size, from: bytes)
            return (file, try ELF.linkage(of: file, size: size, from: bytes))
        } catch {
            throw CarryingError("cannot read", path, error)
        }
    }

    /// What this process has mapped. The kernel gives it a page at a time, and its size says nothing.
    static func ownMaps() throws -> String {
        let path: FilePath = "/proc/self/maps"
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            return try file.closeAfter {
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
                    bytes += buffer[..<count]
                }
                return String(decoding: bytes, as: UTF8.self)
            }
        } catch {
            throw CarryingError("cannot read", path, error)
        }
    }

    private static func link(_ path: String) throws -> String {
        guard let real = realpath(path, nil) else {
            throw CarryingError("cannot read", FilePath(path), Errno(rawValue: errno))
        }
        defer { free(real) }
        return String(cString: real)
    }

    private static func kernelMachine() -> String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: names.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
