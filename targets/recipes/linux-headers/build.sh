mkdir -p "$out/include"
cd /usr/include
cp -RL asm-generic drm linux misc mtd rdma scsi sound video xen "$out/include/"
cp -RL "/usr/lib/linux/uapi/$KERNEL_ARCH/asm" "$out/include/asm"
chmod -R u=rwX,go=rX "$out"
