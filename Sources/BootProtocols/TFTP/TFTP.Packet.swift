import ByteCoding

extension TFTP.Packet {
    /// Reads a datagram's payload. A request's last string may lack its NUL; a name of more than 32 options, or a
    /// request of more than 1,024 bytes, is ignored.
    public static func read(_ bytes: [UInt8]) -> Reading<TFTP.Packet> {
        do throws(ByteReader.Failure) {
            var reader = ByteReader(bytes)
            let operation = try reader.readBigEndian(UInt16.self)
            switch operation {
            case 1, 2:
                guard bytes.count <= TFTP.maximumRequest else {
                    return .ignored(reason: "a request of \(bytes.count) bytes")
                }
                let words = strings(reader.remaining)
                guard let file = words.first, words.count >= 2 else {
                    return .ignored(reason: "a request without a file name and a mode")
                }
                if operation == 2 { return .packet(.writeRequest(file: file)) }
                guard let options = options(words.dropFirst(2)) else { return .ignored(reason: "too many options") }
                return .packet(.readRequest(TFTP.ReadRequest(file: file, mode: words[1], options: options)))
            case 3:
                let block = try reader.readBigEndian(UInt16.self)
                return .packet(.data(block: block, payload: Array(reader.remaining)))
            case 4:
                return .packet(.acknowledgement(block: try reader.readBigEndian(UInt16.self)))
            case 5:
                let code = TFTP.ErrorCode(rawValue: try reader.readBigEndian(UInt16.self))
                let message = strings(try reader.readBytes(min(reader.remainingCount, TFTP.maximumRequest))).first ?? ""
                return .packet(.error(code: code, message: message))
            case 6:
                guard let options = options(strings(reader.remaining)[...]) else {
                    return .ignored(reason: "too many options")
                }
                return .packet(.optionAcknowledgement(options))
            default:
                return .ignored(reason: "operation \(operation) is not one of TFTP's six")
            }
        } catch {
            return .ignored(reason: "\(bytes.count) bytes is too short")
        }
    }

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        func append(_ text: String) { writer.append(text.utf8.filter { $0 != 0 } + [0]) }
        switch self {
        case .readRequest(let request):
            writer.append([0, 1])
            append(request.file)
            append(request.mode)
            for option in request.options {
                append(option.name)
                append(option.value)
            }
        case .writeRequest(let file):
            writer.append([0, 2])
            append(file)
            append("octet")
        case .data(let block, let payload):
            writer.append([0, 3])
            writer.append(bigEndian: block)
            writer.append(payload)
        case .acknowledgement(let block):
            writer.append([0, 4])
            writer.append(bigEndian: block)
        case .error(let code, let message):
            writer.append([0, 5])
            writer.append(bigEndian: code.rawValue)
            append(message)
        case .optionAcknowledgement(let options):
            writer.append([0, 6])
            for option in options {
                append(option.name)
                append(option.value)
            }
        }
        return writer.bytes
    }

    private static func strings(_ bytes: ArraySlice<UInt8>) -> [String] {
        var words = bytes.split(separator: 0, omittingEmptySubsequences: false)
        if words.last?.isEmpty == true { words.removeLast() }
        return words.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Nil for too many; an odd word at the end is dropped.
    private static func options(_ words: ArraySlice<String>) -> [TFTP.Option]? {
        guard words.count <= TFTP.maximumOptions * 2 else { return nil }
        return stride(from: words.startIndex, to: words.endIndex - 1, by: 2).map {
            TFTP.Option(words[$0], words[$0 + 1])
        }
    }
}
