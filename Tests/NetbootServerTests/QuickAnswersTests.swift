import Testing

@testable import NetbootServer

struct QuickAnswersTests {
    @Test func `while answers are quick every wait begins with a look`() {
        var answers = QuickAnswers()
        for _ in 0..<1000 {
            let isWorthLooking = answers.isWorthLooking()
            #expect(isWorthLooking)
            answers.looked(found: true)
        }
    }

    @Test func `looks in vain are a small share of the waits`() {
        var answers = QuickAnswers()
        var looks = 0
        for _ in 0..<(10 * (QuickAnswers.pause + 1)) where answers.isWorthLooking() {
            looks += 1
            answers.looked(found: false)
        }
        #expect(looks == 10)
    }

    @Test func `one quick answer is enough to look at every wait again`() {
        var answers = QuickAnswers()
        answers.looked(found: false)
        while !answers.isWorthLooking() {}
        answers.looked(found: true)
        let isWorthLooking = answers.isWorthLooking()
        #expect(isWorthLooking)
    }
}
