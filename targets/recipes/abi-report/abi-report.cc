// Says what its own file is by ELF's header, and tries at run time what the header cannot tell. Status 0 where all of it works.
#include <elf.h>
#include <sys/utsname.h>

#include <atomic>
#include <bit>
#include <climits>
#include <exception>
#include <fstream>
#include <iostream>
#include <mutex>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// A number of the header, whose byte order is the one that the header states.
unsigned long number(const std::string &header, std::size_t offset, std::size_t size, bool big) {
    unsigned long value = 0;
    for (std::size_t i = 0; i < size; i++) {
        const auto byte = static_cast<unsigned char>(header.at(offset + (big ? i : size - 1 - i)));
        value = value << CHAR_BIT | byte;
    }
    return value;
}

std::string ownFile() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    std::string header(sizeof(Elf64_Ehdr), '\0');
    if (!file.read(header.data(), static_cast<std::streamsize>(header.size())) || header.compare(0, SELFMAG, ELFMAG) != 0)
        throw std::runtime_error("/proc/self/exe is no ELF file");
    const bool wide = header[EI_CLASS] == ELFCLASS64, big = header[EI_DATA] == ELFDATA2MSB;
    std::ostringstream text;
    text << (wide ? "elf64" : "elf32") << (big ? " big" : " little") << "-endian, machine "
         << number(header, offsetof(Elf64_Ehdr, e_machine), 2, big) << ", flags 0x" << std::hex
         << number(header, wide ? offsetof(Elf64_Ehdr, e_flags) : offsetof(Elf32_Ehdr, e_flags), 4, big);
    return text.str();
}

std::string memory() {
    std::ostringstream text;
    text << (std::endian::native == std::endian::big ? "big" : "little") << "-endian, pointers of "
         << sizeof(void *) * CHAR_BIT << " bits, long double of " << __LDBL_MANT_DIG__ << " digits";
#ifdef _CALL_ELF
    text << ", ELFv" << _CALL_ELF;
#endif
    return text.str();
}

// Each thread throws through a few frames with something to destroy, and all exceptions are caught in this one.
std::string threads(int count) {
    struct Frame {
        std::atomic<int> &left;
        ~Frame() { left++; }
    };
    struct Thrower {
        static void descend(int depth, std::atomic<int> &left) {
            Frame frame{left};
            if (depth == 0) throw std::out_of_range("as thrown");
            descend(depth - 1, left);
        }
    };
    constexpr int depth = 3;
    std::atomic<int> left = 0;
    std::mutex mutex;
    std::vector<std::exception_ptr> thrown;
    std::vector<std::thread> running;
    for (int i = 0; i < count; i++)
        running.emplace_back([&] {
            try {
                Thrower::descend(depth, left);
            } catch (...) {
                const std::lock_guard guard(mutex);
                thrown.push_back(std::current_exception());
            }
        });
    for (auto &thread : running) thread.join();
    const auto caught = std::accumulate(thrown.begin(), thrown.end(), 0, [](int sum, const std::exception_ptr &pointer) {
        try {
            std::rethrow_exception(pointer);
        } catch (const std::logic_error &error) {
            return sum + (error.what() == std::string("as thrown"));
        }
    });
    if (caught != count || left != count * (depth + 1)) throw std::runtime_error("exceptions do not cross threads");
    return std::to_string(caught) + " exceptions of " + std::to_string(count) + " threads caught in another";
}

}  // namespace

int main() {
    try {
        utsname kernel{};
        uname(&kernel);
        // In one write: the kernel's messages may break into a console's line.
        std::ostringstream text;
        text << "abi-report file: " << ownFile() << "\nabi-report memory: " << memory() << "\nabi-report c++: " << threads(8)
             << "\nabi-report kernel: " << kernel.release << ' ' << kernel.machine << '\n';
        std::cout << text.str() << std::flush;
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "abi-report: " << error.what() << std::endl;
        return 1;
    }
}
