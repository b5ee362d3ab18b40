extension Licence {
    /// Debian's short names (and their older spellings), in lower case -> SPDX's identifiers.
    static let names: [String: String] = {
        var names: [String: String] = [
            "expat": "MIT", "mit": "MIT", "x11": "X11", "isc": "ISC", "zlib": "Zlib", "zlib/libpng": "Zlib",
            "bsl-1.0": "BSL-1.0", "boost-1.0": "BSL-1.0", "0bsd": "0BSD", "unlicense": "Unlicense", "wtfpl": "WTFPL",
            "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-4-clause": "BSD-4-Clause",
            "bsd-4-clause-uc": "BSD-4-Clause-UC", "bsd-1-clause": "BSD-1-Clause",
            "bsd-2-clause-patent": "BSD-2-Clause-Patent",
            "bsd-source-code": "BSD-Source-Code", "apache-2": "Apache-2.0", "apache-2.0": "Apache-2.0",
            "artistic-2.0": "Artistic-2.0", "artistic-1.0": "Artistic-1.0", "artistic": "Artistic-1.0-Perl",
            "mpl-1.1": "MPL-1.1", "mpl-2.0": "MPL-2.0", "cc0": "CC0-1.0", "cc0-1.0": "CC0-1.0",
            "fsfap": "FSFAP", "fsful": "FSFUL", "fsfullr": "FSFULLR", "fsfullrwd": "FSFULLRWD", "hpnd": "HPND",
            "hpnd-sell-variant": "HPND-sell-variant", "ntp": "NTP", "curl": "curl", "openssl": "OpenSSL",
            "python-2.0": "Python-2.0", "psf-2": "PSF-2.0", "psf-2.0": "PSF-2.0", "ofl-1.1": "OFL-1.1",
            "sil-1.1": "OFL-1.1",
            "openldap-2.8": "OLDAP-2.8", "oldap-2.8": "OLDAP-2.8", "tcl": "TCL", "vim": "Vim", "beerware": "Beerware",
            "ibm-pibs": "IBM-pibs", "unicode": "Unicode-DFS-2016", "unicode-dfs-2016": "Unicode-DFS-2016",
            "gfdl-niv-1.3": "GFDL-1.3-no-invariants-only", "gfdl-niv-1.3+": "GFDL-1.3-no-invariants-or-later",
            "gfdl-niv-1.2+": "GFDL-1.2-no-invariants-or-later", "gfdl-niv-1.1+": "GFDL-1.1-no-invariants-or-later",
            "epl-1.0": "EPL-1.0", "epl-2.0": "EPL-2.0", "cddl-1.0": "CDDL-1.0", "cddl-1.1": "CDDL-1.1",
            "bzip2-1.0.6": "bzip2-1.0.6", "libpng-2.0": "libpng-2.0", "zpl-2.1": "ZPL-2.1", "mit-0": "MIT-0",
            "gfdl-1.3+-no-invariant": "GFDL-1.3-no-invariants-or-later", "gpl-2+-or-x11": "(GPL-2.0-or-later OR X11)",
        ]
        for (family, versions) in [
            ("GPL", ["1", "2", "3"]), ("LGPL", ["2", "2.1", "3"]), ("AGPL", ["3"]), ("GFDL", ["1.1", "1.2", "1.3"]),
        ] {
            for version in versions {
                let full = version.contains(".") ? version : version + ".0"
                for spelling in Set([version, full]) {
                    names["\(family)-\(spelling)".lowercased()] = "\(family)-\(full)-only"
                    names["\(family)-\(spelling)-only".lowercased()] = "\(family)-\(full)-only"
                    names["\(family)-\(spelling)+".lowercased()] = "\(family)-\(full)-or-later"
                    names["\(family)-\(spelling)-or-later".lowercased()] = "\(family)-\(full)-or-later"
                }
            }
        }
        for kind in ["BY", "BY-SA"] {
            for version in ["2.0", "2.5", "3.0", "4.0"] {
                names["cc-\(kind)-\(version)".lowercased()] = "CC-\(kind)-\(version)"
            }
        }
        return names
    }()

    /// Debian's words for exceptions, without "exception" -> SPDX's identifiers.
    static let exceptions = [
        "autoconf": "Autoconf-exception-generic", "bison": "Bison-exception-2.2", "gcc": "GCC-exception-3.1",
        "libtool": "Libtool-exception", "font": "Font-exception-2.0", "classpath": "Classpath-exception-2.0",
        "linux-syscall-note": "Linux-syscall-note",
    ]
}
