# EPICS builds itself twice, for the build machine and then, by programs of that, for its "cross compiler target".
cd "$source"
arch=linux-$PLATFORM
# Headers name themselves where they check something.
names="-ffile-prefix-map=$source=epics-base -ffile-prefix-map=$out=epics-base"
small="-ffunction-sections -fdata-sections $names"
cat > configure/CONFIG_SITE.local << END
CROSS_COMPILER_TARGET_ARCHS = $arch
SHARED_LIBRARIES = NO
STATIC_BUILD = YES
LINKER_USE_RPATH = NO
END
cat > configure/os/CONFIG_SITE.linux-x86_64.linux-x86_64 << END
CC = clang
CCC = clang++
AR = llvm-ar -rcD
RANLIB = llvm-ranlib
LD = ld.lld -r
OPT_CFLAGS_YES = -O0 $names
OPT_CXXFLAGS_YES = -O0 $names
# Whole, so that they run on any build machine: its C library may be older than the toolbox's.
STATIC_LDFLAGS_YES = -static
STATIC_LDLIBS_YES =
COMMANDLINE_LIBRARY = EPICS
END
cat > "configure/os/CONFIG.Common.$arch" << END
include \$(CONFIG)/os/CONFIG.Common.linuxCommon
ARCH_CLASS = ${TARGET%%-*}
END
cat > "configure/os/CONFIG.linux-x86_64.$arch" << END
VALID_BUILDS = Ioc Command
GNU_DIR = $toolchain_cxx
GNU_TARGET = $TARGET
GNU_LDLIBS_YES =
AR = \$(GNU_BIN)/$TARGET-ar -rcD
OPT_CFLAGS_YES = -Os $small
OPT_CXXFLAGS_YES = -Os $small
# What C++17, the compiler's choice, has no more and EPICS calls.
OP_SYS_CPPFLAGS += -D_LIBCPP_ENABLE_CXX17_REMOVED_UNEXPECTED_FUNCTIONS
COMMANDLINE_LIBRARY = EPICS
END

# Without the tests, which are half of it. Whoever takes a program out of here is not to refer to all that is here, so it is told
# that it will lie elsewhere. A version of its own keeps it from taking the time for one.
for part in configure src modules/libcom/src modules/ca/src modules/database/src; do
    make -C $part -j"$JOBS" INSTALL_LOCATION="$out" FINAL_LOCATION=/usr/lib/epics IOCS_APPL_TOP=/usr/lib/epics \
        GENVERSIONDEFAULT=bootferry install
done
chmod -R u+w "$out"
# Channel Access for the toolbox's own Perl, and pages to read.
rm -rf "$out"/lib/perl/5.* "$out/html"
