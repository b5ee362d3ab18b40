import CCompression

/// How a stream is compressed.
public enum CompressionFormat: String, Sendable, CaseIterable {
    case none, zstd, xz

    /// Loads every library that any of them needs, and gives the names that they are found by.
    public static func loadLibraries() throws(CompressionError) -> [String] {
        if let problem = bf_compression_load() {
            throw CompressionError("compression", String(cString: problem), kind: .host)
        }
        return [BF_ZSTD_LIBRARY, BF_LZMA_LIBRARY]
    }
}

/// Decompresses a stream of one or more frames, drawing its bytes from a source.
///
/// Memory is bounded: windows of at most 128 MiB. A stream that ends early or is damaged throws `CompressionError`.
public final class Decompressor {
    /// Fills what it is given from the front and says how much; 0 at the end.
    public typealias Source = (UnsafeMutableRawBufferPointer) throws -> Int

    private let stream: OpaquePointer?
    private let source: Source
    private let name: String
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var isAtEnd = false
    private var isWhole = false

    private static let windowLog: CInt = 27

    public init(_ format: CompressionFormat, source: @escaping Source) throws {
        self.source = source
        name = format.rawValue
        var problem: UnsafePointer<CChar>?
        switch format {
        case .none:
            stream = nil
            return
        case .zstd: stream = bf_zstd_decompressor(Self.windowLog, &problem)
        case .xz: stream = bf_xz_decompressor(1 << (UInt64(Self.windowLog) + 1), &problem)
        }
        guard stream != nil else {
            throw CompressionError(name, problem.map { String(cString: $0) } ?? "cannot be used", kind: .host)
        }
    }

    deinit {
        bf_stream_free(stream)
        buffer.deallocate()
    }

    /// Fills `output`, which is not empty, from the front and says how much; 0 at the end.
    public func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let stream else { return try source(output) }
        while true {
            if input.isEmpty, !isAtEnd {
                let count = try source(buffer)
                input = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                isAtEnd = count == 0
            }
            if isAtEnd, isWhole { return 0 }
            var step = bf_step()
            step.input = input.baseAddress
            step.input_count = input.count
            step.output = output.baseAddress
            step.output_count = output.count
            step.finishes = isAtEnd ? 1 : 0
            if let fault = bf_stream_step(stream, &step) { throw CompressionError(name, String(cString: fault)) }
            isWhole = step.is_whole != 0
            input = UnsafeRawBufferPointer(rebasing: input[step.input_used...])
            if step.output_used > 0 { return step.output_used }
            if isAtEnd, !isWhole, step.input_used == 0 { throw CompressionError(name, "the stream ends early") }
        }
    }
}
