import Compression
import Diagnostics
import FileFormats
import Glibc
import MediumModel
import OpenSSL
import StoreModel
import SystemPackage

extension Medium {
    /// Reads an object's archive to its end, checking all that can be checked: every part against the medium manifest, the
    /// whole against FileHash and FileSize, the archive's order, NarHash and NarSize.
    ///
    /// - Parameters:
    ///   - onBytes: told of bytes of the archive as they come.
    ///   - write: gets the archive's steps, before it is known that the digests fit.
    /// - Returns: the files that it is in.
    /// - Throws: `MediumFault`, and what `write` throws.
    @discardableResult
    func readArchive(
        _ info: NARInfo, onBytes: (Int) -> Void = { _ in }, to write: (NAR.Event) throws -> Void
    ) throws -> [String: MediumManifest.File] {
        let parts = self.parts(of: info)
        guard let format = CompressionFormat(rawValue: info.compression) else {
            let known = CompressionFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw MediumFault(
                "\(info.registration.path.hashPart).narinfo",
                "says compression '\(info.compression.prefix(50))', of which nothing is known here; known are \(known)")
        }
        let file = PartedFile(medium: self, parts: parts)
        let fault: (any Error)?
        do {
            try decode(info, format, file, onBytes, write)
            fault = nil
        } catch let error as Outside {
            throw error.error
        } catch let error as MediumFault {
            fault = error
        } catch let error as any ExplainedError where error.kind == .corrupt {
            fault = MediumFault(parts[0], "\(error)")
        }
        // The digest of a file says more than where its decoding stopped.
        try file.finish()
        if let damaged = file.faults.first { throw damaged }
        if let size = info.fileSize, size != file.size {
            throw MediumFault(info.url, "has \(file.size) bytes, expected \(size) by its narinfo")
        }
        if let expected = info.fileHash, let found = file.digest {
            guard found == expected else {
                throw MediumFault(info.url, "has FileHash \(found), expected \(expected) by its narinfo")
            }
        }
        if let fault { throw fault }
        return file.files
    }

    private func decode(
        _ info: NARInfo, _ format: CompressionFormat, _ file: PartedFile, _ onBytes: (Int) -> Void,
        _ write: (NAR.Event) throws -> Void
    ) throws {
        let expected = info.registration
        let digest = SHA256()
        var count = 0
        // Both stay within this call.
        try withoutActuallyEscaping(onBytes) { onBytes in
            let decompressor = try Decompressor(format) { try file.read(into: $0) }
            func more(_ limit: Int) throws -> ArraySlice<UInt8> {
                let bytes = try [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
                    filled = try decompressor.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                count += bytes.count
                guard count <= expected.narSize else {
                    throw MediumFault(info.url, "unpacks to more than \(expected.narSize) bytes, its NarSize")
                }
                digest.update(bytes)
                onBytes(bytes.count)
                return bytes[...]
            }
            var reader = NAR.Reader { try more($0) }
            while let event = try reader.next() {
                do {
                    try write(event)
                } catch {
                    throw Outside(error: error)
                }
            }
            while try !more(1 << 16).isEmpty {}
            guard reader.offset == count else {
                throw MediumFault(info.url, "has \(count - reader.offset) bytes after its archive's end")
            }
        }
        guard count == expected.narSize else {
            throw MediumFault(info.url, "unpacks to \(count) bytes, expected \(expected.narSize) by NarSize")
        }
        let found = Digest(finishing: digest)
        guard found == expected.narHash else {
            throw MediumFault(info.url, "has NarHash \(found), expected \(expected.narHash) by its narinfo")
        }
    }

    /// An error of who takes the steps, which is no fault of the medium.
    private struct Outside: Error {
        var error: any Error
    }
}

/// The bytes of one or several files as one, hashed as they pass and held against the medium manifest.
private final class PartedFile {
    private let medium: Medium
    private let isSingle: Bool
    private var rest: ArraySlice<String>
    private var current: (name: String, file: MediumFile)?
    private var partSize = 0
    private let partDigest = SHA256()
    private let wholeDigest = SHA256()
    /// Bytes read, and their digest once all are.
    private(set) var size = 0
    private(set) var digest: Digest?
    /// Parts that are missing, or not what the medium manifest says; what is read goes on behind them.
    private(set) var faults: [MediumFault] = []
    private(set) var files: [String: MediumManifest.File] = [:]

    init(medium: Medium, parts: [String]) {
        self.medium = medium
        isSingle = parts.count == 1
        rest = parts[...]
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            if current == nil {
                guard let name = rest.popFirst() else { return 0 }
                do {
                    try open(name)
                } catch let fault as MediumFault {
                    faults.append(fault)
                }
            }
            guard let part = current else { continue }
            let count = try part.file.read(into: buffer)
            if count == 0 {
                endPart(part.name)
                continue
            }
            let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
            partDigest.update(bytes)
            if !isSingle { wholeDigest.update(bytes) }
            partSize += count
            size += count
            return count
        }
    }

    /// Reads what is left, so that the digests are of all.
    func finish() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while try read(into: buffer) > 0 {}
        if !isSingle { digest = Digest(finishing: wholeDigest) }
    }

    private func open(_ name: String) throws {
        if let manifest = medium.manifest, manifest.files[name] == nil {
            throw MediumFault(name, "is not in the medium manifest")
        }
        do {
            current = (name, try medium.source.open(name))
        } catch let error as CarryingError where error.kind == .corrupt {
            throw MediumFault(name, error.message)
        } catch let error as CarryingError {
            guard !medium.source.has(name) else { throw error }
            throw try medium.missing(name)
        }
        partSize = 0
    }

    private func endPart(_ name: String) {
        current = nil
        let found = Digest(finishing: partDigest)
        if isSingle { digest = found }
        files[name] = MediumManifest.File(digest: found, size: partSize)
        if let expected = medium.manifest?.files[name],
            let fault = Medium.difference(name, expected, size: partSize, digest: found)
        {
            faults.append(fault)
        }
    }
}
