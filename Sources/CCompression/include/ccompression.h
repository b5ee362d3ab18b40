#pragma once
#include <stddef.h>
#include <stdint.h>

// libzstd and liblzma, each loaded when first used, behind one kind of stream.
struct bf_stream;

#define BF_ZSTD_LIBRARY "libzstd.so.1"
#define BF_LZMA_LIBRARY "liblzma.so.5"

// Loads both; null, or why that failed.
const char *bf_compression_load(void);

// Makes a stream; null, with the reason in *problem, where that fails.
// A size of UINT64_MAX is not known beforehand; 0 workers compress in the calling thread.
struct bf_stream *bf_zstd_compressor(int level, int workers, uint64_t size, const char **problem);
// Refuses frames that want a window of more than 2^window_log bytes.
struct bf_stream *bf_zstd_decompressor(int window_log, const char **problem);
// Refuses streams that want more memory than this.
struct bf_stream *bf_xz_decompressor(uint64_t memory, const char **problem);
void bf_stream_free(struct bf_stream *stream);

struct bf_step {
  const void *input;
  size_t input_count;
  size_t input_used;
  void *output;
  size_t output_count;
  size_t output_used;
  // No input comes after this.
  int finishes;
  // Out: all that was begun is whole and given out.
  int is_whole;
};

// Takes input and gives output, as far as there is room; null, or what is wrong.
const char *bf_stream_step(struct bf_stream *stream, struct bf_step *step);
