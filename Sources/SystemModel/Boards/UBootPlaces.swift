extension Board.UBoot {
    /// What it is to load, in bytes.
    public struct Sizes: Sendable, Equatable {
        /// As it is loaded.
        public var kernel: Int
        /// Once unpacked.
        public var unpackedKernel: Int
        public var initramfs: Int
        /// 0 where the loader has its own.
        public var deviceTree: Int

        public init(kernel: Int, unpackedKernel: Int, initramfs: Int, deviceTree: Int) {
            self.kernel = kernel
            self.unpackedKernel = unpackedKernel
            self.initramfs = initramfs
            self.deviceTree = deviceTree
        }
    }

    /// Where it loads what: a FIT to the first place; legacy images, and a device tree, to one place each.
    public struct Places: Sendable, Equatable {
        public var first: Int
        public var initramfs: Int
        public var deviceTree: Int
        /// Behind the last of them.
        public var end: Int
    }

    /// Headers of a FIT or of a legacy image, and a boot's script, are smaller.
    private static let heads = 16 << 10
    private static let alignment = 64 << 10
    /// What U-Boot's own device tree, or the one that it adds to, may have.
    private static let deviceTreeRoom = 256 << 10

    public func places(for sizes: Sizes, as format: Board.Format) -> Places {
        func aligned(_ place: Int) -> Int { (place + Self.alignment - 1) / Self.alignment * Self.alignment }
        let first = Int(bootFile)
        guard format == .uimage else {
            return Places(
                first: first, initramfs: first, deviceTree: first,
                end: first + sizes.kernel + sizes.initramfs + sizes.deviceTree + Self.heads)
        }
        let ramdisk = initramfs.map(Int.init) ?? aligned(first + sizes.kernel + Self.heads)
        let tree = deviceTree.map(Int.init) ?? aligned(ramdisk + sizes.initramfs + Self.heads)
        return Places(
            first: first, initramfs: ramdisk, deviceTree: tree,
            end: max(first + sizes.kernel, ramdisk + sizes.initramfs, tree + sizes.deviceTree) + Self.heads)
    }

    /// Why its loader or RAM cannot take something, with the sum; nil where it can.
    ///
    /// - Parameter memory: MiB of RAM.
    public func refusal(of sizes: Sizes, as format: Board.Format, memory: Int) -> String? {
        let places = places(for: sizes, as: format)
        let kernelEnd = Int(kernel) + sizes.unpackedKernel
        if let kernelLimit, sizes.unpackedKernel > kernelLimit << 20 {
            return "a kernel of \(mebibytes(sizes.unpackedKernel)), and its U-Boot unpacks at most \(kernelLimit) MiB"
        }
        if Int(kernel) <= places.first, kernelEnd > places.first {
            return """
                a kernel of \(mebibytes(sizes.unpackedKernel)) from \(hexadecimal(Int(kernel))) on ends at \
                \(hexadecimal(kernelEnd)), behind \(hexadecimal(places.first)), where what it is unpacked from begins
                """
        }
        if format == .uimage {
            for (name, begin, before, size) in [
                ("the initramfs", places.initramfs, places.first, sizes.kernel),
                ("the device tree", places.deviceTree, places.initramfs, sizes.initramfs),
            ] where begin >= before && before + size > begin {
                return """
                    \(mebibytes(size)) from \(hexadecimal(before)) on reach to \(hexadecimal(before + size)), behind \
                    \(hexadecimal(begin)), where \(name) begins
                    """
            }
        }
        let room = (memory - reserved) << 20
        if places.end > room {
            return """
                \(mebibytes(places.end - places.first)) from \(hexadecimal(places.first)) on (kernel \
                \(mebibytes(sizes.kernel)), initramfs \(mebibytes(sizes.initramfs)), device tree \
                \(mebibytes(sizes.deviceTree))) reach to \(hexadecimal(places.end)), and its \(memory) MiB of RAM without \
                the \(reserved) of U-Boot end at \(hexadecimal(room))
                """
        }
        let low = kernelEnd + sizes.initramfs + max(sizes.deviceTree, Self.deviceTreeRoom)
        if let mapped, low > mapped << 20 {
            return """
                kernel \(mebibytes(sizes.unpackedKernel)) from \(hexadecimal(Int(kernel))) on, initramfs \
                \(mebibytes(sizes.initramfs)) and device tree reach to \(hexadecimal(low)), and its U-Boot puts them below \
                \(hexadecimal(mapped << 20))
                """
        }
        return nil
    }

    private func mebibytes(_ bytes: Int) -> String {
        let tenths = (bytes * 10 + (1 << 20) - 1) >> 20
        return "\(tenths / 10).\(tenths % 10) MiB"
    }

    private func hexadecimal(_ value: Int) -> String { "0x" + String(value, radix: 16) }
}
