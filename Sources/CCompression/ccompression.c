#include "ccompression.h"
#include <dlfcn.h>
#include <lzma.h>
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

// Each is of the type that the library's header declares the function to have.
#define ZSTD_FUNCTIONS(each)                                                                                          \
  each(ZSTD_createCCtx) each(ZSTD_freeCCtx) each(ZSTD_CCtx_setParameter) each(ZSTD_CCtx_setPledgedSrcSize)            \
  each(ZSTD_compressStream2) each(ZSTD_createDCtx) each(ZSTD_freeDCtx) each(ZSTD_DCtx_setParameter)                   \
  each(ZSTD_decompressStream) each(ZSTD_isError) each(ZSTD_getErrorName)
#define LZMA_FUNCTIONS(each) each(lzma_stream_decoder) each(lzma_code) each(lzma_end)

#define DECLARE(name) static __typeof__(name) *p_##name;
ZSTD_FUNCTIONS(DECLARE)
LZMA_FUNCTIONS(DECLARE)

static const char *zstd_problem, *lzma_problem;
static pthread_once_t zstd_once = PTHREAD_ONCE_INIT, lzma_once = PTHREAD_ONCE_INIT;

#define FIND(name)                                                                                                    \
  if (!(p_##name = (__typeof__(name) *)dlsym(library, #name))) return "the library has no " #name;

static const char *load_zstd(void) {
  void *library = dlopen(BF_ZSTD_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) return BF_ZSTD_LIBRARY " cannot be loaded: install libzstd1";
  ZSTD_FUNCTIONS(FIND)
  return NULL;
}

static const char *load_lzma(void) {
  void *library = dlopen(BF_LZMA_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) return BF_LZMA_LIBRARY " cannot be loaded: install liblzma5";
  LZMA_FUNCTIONS(FIND)
  return NULL;
}

static void load_zstd_once(void) { zstd_problem = load_zstd(); }
static void load_lzma_once(void) { lzma_problem = load_lzma(); }

const char *bf_compression_load(void) {
  pthread_once(&zstd_once, load_zstd_once);
  pthread_once(&lzma_once, load_lzma_once);
  return zstd_problem ? zstd_problem : lzma_problem;
}

struct bf_stream {
  ZSTD_CCtx *compressor;
  ZSTD_DCtx *decompressor;
  lzma_stream lzma;
  int is_lzma;
};

static struct bf_stream *make(const char **problem) {
  struct bf_stream *stream = calloc(1, sizeof *stream);
  if (!stream) *problem = "there is no memory for it";
  return stream;
}

static struct bf_stream *fail(struct bf_stream *stream, const char *reason, const char **problem) {
  bf_stream_free(stream);
  *problem = reason;
  return NULL;
}

struct bf_stream *bf_zstd_compressor(int level, int workers, uint64_t size, const char **problem) {
  pthread_once(&zstd_once, load_zstd_once);
  struct bf_stream *stream;
  if ((*problem = zstd_problem) || !(stream = make(problem))) return NULL;
  if (!(stream->compressor = p_ZSTD_createCCtx())) return fail(stream, "there is no memory for it", problem);
  size_t code = p_ZSTD_CCtx_setParameter(stream->compressor, ZSTD_c_compressionLevel, level);
  if (!p_ZSTD_isError(code)) code = p_ZSTD_CCtx_setParameter(stream->compressor, ZSTD_c_checksumFlag, 1);
  if (!p_ZSTD_isError(code) && size != UINT64_MAX) code = p_ZSTD_CCtx_setPledgedSrcSize(stream->compressor, size);
  if (p_ZSTD_isError(code)) return fail(stream, p_ZSTD_getErrorName(code), problem);
  // A libzstd that was built without threads refuses, and works in this one.
  if (workers > 0) p_ZSTD_CCtx_setParameter(stream->compressor, ZSTD_c_nbWorkers, workers);
  return stream;
}

struct bf_stream *bf_zstd_decompressor(int window_log, const char **problem) {
  pthread_once(&zstd_once, load_zstd_once);
  struct bf_stream *stream;
  if ((*problem = zstd_problem) || !(stream = make(problem))) return NULL;
  if (!(stream->decompressor = p_ZSTD_createDCtx())) return fail(stream, "there is no memory for it", problem);
  size_t code = p_ZSTD_DCtx_setParameter(stream->decompressor, ZSTD_d_windowLogMax, window_log);
  if (p_ZSTD_isError(code)) return fail(stream, p_ZSTD_getErrorName(code), problem);
  return stream;
}

struct bf_stream *bf_xz_decompressor(uint64_t memory, const char **problem) {
  pthread_once(&lzma_once, load_lzma_once);
  struct bf_stream *stream;
  if ((*problem = lzma_problem) || !(stream = make(problem))) return NULL;
  stream->is_lzma = 1;
  if (p_lzma_stream_decoder(&stream->lzma, memory, LZMA_CONCATENATED) != LZMA_OK)
    return fail(stream, "there is no memory for it", problem);
  return stream;
}

void bf_stream_free(struct bf_stream *stream) {
  if (!stream) return;
  if (stream->compressor) p_ZSTD_freeCCtx(stream->compressor);
  if (stream->decompressor) p_ZSTD_freeDCtx(stream->decompressor);
  if (stream->is_lzma) p_lzma_end(&stream->lzma);
  free(stream);
}

static const char *lzma_step(lzma_stream *lzma, struct bf_step *step) {
  lzma->next_in = step->input;
  lzma->avail_in = step->input_count;
  lzma->next_out = step->output;
  lzma->avail_out = step->output_count;
  lzma_ret code = p_lzma_code(lzma, step->finishes ? LZMA_FINISH : LZMA_RUN);
  step->input_used = step->input_count - lzma->avail_in;
  step->output_used = step->output_count - lzma->avail_out;
  step->is_whole = code == LZMA_STREAM_END;
  switch (code) {
  case LZMA_OK:
  case LZMA_STREAM_END: return NULL;
  case LZMA_BUF_ERROR: return step->finishes && step->output_used == 0 ? "the xz stream ends early" : NULL;
  case LZMA_MEMLIMIT_ERROR: return "the xz stream wants more memory than is allowed";
  case LZMA_FORMAT_ERROR: return "is no xz stream";
  default: return "the xz stream is damaged";
  }
}

const char *bf_stream_step(struct bf_stream *stream, struct bf_step *step) {
  if (stream->is_lzma) return lzma_step(&stream->lzma, step);
  ZSTD_inBuffer input = {step->input, step->input_count, 0};
  ZSTD_outBuffer output = {step->output, step->output_count, 0};
  size_t code = stream->compressor
                    ? p_ZSTD_compressStream2(stream->compressor, &output, &input,
                                             step->finishes ? ZSTD_e_end : ZSTD_e_continue)
                    : p_ZSTD_decompressStream(stream->decompressor, &output, &input);
  step->input_used = input.pos;
  step->output_used = output.pos;
  step->is_whole = code == 0;
  return p_ZSTD_isError(code) ? p_ZSTD_getErrorName(code) : NULL;
}
