import Diagnostics
import Testing

@Suite struct NearestSpellingTests {
    let keys = ["packages", "services", "hostname", "users"]

    @Test(arguments: [
        ("pakcages", "packages"), ("servces", "services"), ("hostnames", "hostname"), ("user", "users"),
    ])
    func `a slip of the keyboard finds the word that was meant`(written: String, meant: String) {
        #expect(nearestSpelling(to: written, among: keys) == meant)
    }

    @Test func `a word that resembles none finds none`() {
        #expect(nearestSpelling(to: "firmware", among: keys) == nil)
        #expect(nearestSpelling(to: "", among: keys) == nil)
    }

    @Test func `the nearest of several is offered`() {
        #expect(
            nearestSpelling(to: "linux-image-amd64", among: ["linux-image-arm64", "linux-image-amd65"])
                == "linux-image-amd65")
    }
}

@Suite struct ExplainedErrorTests {
    struct Fault: ExplainedError {
        var kind: FailureKind { .corrupt }
        var subject: String
        var message: String
        var cause: String?
        var remedy: String?
    }

    @Test func `an error reads from its subject to its remedy`() {
        let fault = Fault(subject: "zlib1g", message: "is truncated", cause: "the mirror hung up", remedy: "try again")
        #expect(fault.description == "zlib1g: is truncated\n  cause: the mirror hung up\n  remedy: try again")
        #expect(Fault(subject: "", message: "nothing to do").description == "nothing to do")
    }
}
