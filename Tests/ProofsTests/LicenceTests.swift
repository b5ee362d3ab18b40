import Testing

@testable import Proofs

@Suite struct LicenceTests {
    @Test(arguments: [
        ("GPL-2+", "GPL-2.0-or-later"), ("Expat", "MIT"), ("GPL-2+ or Expat", "(GPL-2.0-or-later OR MIT)"),
        ("GPL-2+ and Expat", "(GPL-2.0-or-later AND MIT)"),
        ("GPL-3+ with Autoconf exception", "GPL-3.0-or-later WITH Autoconf-exception-generic"),
        ("GPL-2 or Artistic, and BSD-3-clause", "(GPL-2.0-only OR Artistic-1.0-Perl) AND BSD-3-Clause"),
        ("public-domain", "?public-domain"), ("GPL-2+ with strange words", "?GPL-2+ with strange words"),
        ("or", "?unnamed"),
    ])
    func `Debian's short names become SPDX's`(name: String, expression: String) {
        #expect(Licence.expression(of: name) { "?\($0)" } == expression)
    }

    @Test func `a machine-readable file has its files' licences, and texts of those SPDX does not know`() {
        let text = """
            Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
            Upstream-Name: sample

            Files: *
            Copyright: 2001 Somebody
            License: GPL-2+

            Files: lib/*
            Copyright: none
            License: public-domain
             Whoever finds it may keep it.
             .
             Forever.

            License: GPL-2+
             On Debian systems see /usr/share/common-licenses/GPL-2.

            License: unused
             Nothing is under this one.

            """
        let licence = CopyrightFile.licence(in: text, of: "sample")
        let reference = Licence.reference(to: "public-domain", text: "Whoever finds it may keep it.\n\nForever.")
        #expect(licence.expression == "GPL-2.0-or-later AND \(reference)")
        #expect(licence.texts == [reference: "Whoever finds it may keep it.\n\nForever."])
    }

    @Test(arguments: [
        "This package was debianized by somebody.\n", "Format: something else\n\nFiles: *\nLicense: MIT\n", "",
    ])
    func `any other file stands whole behind a name of its own`(text: String) {
        let licence = CopyrightFile.licence(in: text, of: "old+package")
        #expect(licence.expression == Licence.reference(to: "copyright-of-old+package", text: text))
        #expect(licence.expression?.hasPrefix("LicenseRef-copyright-of-old-package-") == true)
        #expect(Array(licence.texts.values) == [text])
    }
}
