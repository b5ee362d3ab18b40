#include <bit>
#include <future>
#include <iostream>
#include <stdexcept>

int main() {
    auto answer = std::async(std::launch::async, []() -> int { throw std::runtime_error("hello"); });
    try {
        return answer.get();
    } catch (const std::runtime_error &error) {
        std::cout << error.what() << (std::endian::native == std::endian::big ? " big" : " little") << " endian\n";
        return 0;
    }
}
