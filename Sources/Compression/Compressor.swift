import CCompression

/// Compresses one stream with zstd (RFC 8878), with a checksum at its end.
///
/// Its bytes differ between versions of libzstd: nothing that must be the same everywhere is made by it. Memory: some MB
/// at level 3, some tens with workers.
public final class Compressor {
    private let stream: OpaquePointer
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)

    /// - Parameters:
    ///   - level: 1 to 19.
    ///   - workers: threads besides the calling one.
    ///   - size: bytes that will come; another number of them throws.
    public init(level: Int, workers: Int = 0, size: Int) throws {
        var problem: UnsafePointer<CChar>?
        guard let stream = bf_zstd_compressor(CInt(level), CInt(workers), UInt64(size), &problem) else {
            throw CompressionError("libzstd", problem.map { String(cString: $0) } ?? "cannot be used", kind: .host)
        }
        self.stream = stream
    }

    deinit {
        bf_stream_free(stream)
        buffer.deallocate()
    }

    /// Takes the next bytes; `emit` gets what comes of them, if anything, good only during its call.
    public func write(_ bytes: UnsafeRawBufferPointer, to emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            let step = try step(rest, finishes: false, emit)
            rest = UnsafeRawBufferPointer(rebasing: rest[step.input_used...])
        }
    }

    /// Ends the stream.
    public func finish(to emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        while try step(UnsafeRawBufferPointer(start: nil, count: 0), finishes: true, emit).is_whole == 0 {}
    }

    private func step(
        _ input: UnsafeRawBufferPointer, finishes: Bool, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> bf_step {
        var step = bf_step()
        step.input = input.baseAddress
        step.input_count = input.count
        step.output = buffer.baseAddress
        step.output_count = buffer.count
        step.finishes = finishes ? 1 : 0
        if let fault = bf_stream_step(stream, &step) {
            throw CompressionError("zstd", String(cString: fault), kind: .failed)
        }
        if step.output_used > 0 { try emit(UnsafeRawBufferPointer(rebasing: buffer[..<step.output_used])) }
        return step
    }
}
