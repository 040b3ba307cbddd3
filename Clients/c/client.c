/* A C99 program that uses Lacuna as an inference engine would, and checks every result against plain loops.
 *
 *     cc -std=c99 client.c $(pkg-config --cflags --libs lacuna) -lm -o client && ./client [plans [runs]]
 *
 * `plans` (20 without the argument) is how many plans to create, run and destroy: with 1000 of them under
 * valgrind this is the leak test. `runs` (1) is how often each is run: valgrind counts as many allocations for
 * 1 as for 100, because a run makes none. */
#define _POSIX_C_SOURCE 200809L
#include <lacuna.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures = 0;
static int runs = 1;

#define OK(call)                                                                                \
  do {                                                                                          \
    lcn_status status_ = (call);                                                                \
    if (status_ != LCN_OK) {                                                                    \
      fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, lcn_status_string(status_), \
              lcn_last_error());                                                                \
      exit(1);                                                                                  \
    }                                                                                           \
  } while (0)

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                              \
    }                                                                          \
  } while (0)

/* A small generator, so that every run sees the same numbers (Knuth's MMIX constants). */
static uint64_t state = 1;
static float uniform(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)(state >> 40) / 16777216.0f;
}

enum { OUT = 48, IN = 100, N = 7 };

/* Y = clamp(W·X + b) by its definition. */
static void reference(const float *w, const float *x, const float *bias, float *y) {
  for (int i = 0; i < OUT; i++) {
    for (int c = 0; c < N; c++) {
      double sum = bias[i];
      for (int j = 0; j < IN; j++) sum += (double)w[i * IN + j] * x[j * N + c];
      y[i * N + c] = (float)(sum > 0 ? sum : 0);
    }
  }
}

static void check_close(const float *actual, const float *expected, int count) {
  for (int i = 0; i < count; i++) {
    /* 100 terms below 1: their rounding errors stay far below this. */
    if (!(fabsf(actual[i] - expected[i]) <= 2e-5f)) {
      fprintf(stderr, "element %d is %g, expected %g\n", i, actual[i], expected[i]);
      failures++;
      return;
    }
  }
}

static void use_plan(lcn_matrix *matrix, const float *x, const float *bias, const float *expected) {
  static float y[OUT * N];
  lcn_plan_options options = LCN_PLAN_OPTIONS_INIT;
  options.width = N;
  options.bias = bias;
  options.bias_count = OUT;
  options.activation = LCN_ACTIVATION_RELU;
  lcn_plan *plan = NULL;
  OK(lcn_plan_create(matrix, &options, &plan));
  for (int r = 0; r < runs; r++) OK(lcn_plan_run(plan, x, N, y, N, N, NULL, 0));
  check_close(y, expected, OUT * N);

  /* Slice by slice, as an engine's own threads would, with scratch memory of the engine. */
  static float sliced[OUT * N];
  size_t bytes = 0;
  OK(lcn_plan_workspace_size(plan, N, &bytes));
  void *memory = malloc(bytes + 64);
  void *workspace = (char *)memory + (64 - (uintptr_t)memory % 64) % 64;
  for (int slice = 2; slice >= 0; slice--) {
    OK(lcn_plan_run_slice(plan, slice, 3, x, N, sliced, N, N, workspace, bytes));
  }
  CHECK(memcmp(sliced, y, sizeof y) == 0);
  free(memory);

  /* Through a blob, read from an odd address. */
  size_t length = 0;
  OK(lcn_plan_serialize(plan, NULL, 0, &length));
  char *blob = malloc(length + 1);
  OK(lcn_plan_serialize(plan, blob, length, &length));
  memmove(blob + 1, blob, length);
  lcn_plan *mapped = NULL;
  OK(lcn_plan_map(blob + 1, length, &mapped));
  free(blob);
  memset(sliced, 0, sizeof sliced);
  OK(lcn_plan_run(mapped, x, N, sliced, N, N, NULL, 0));
  CHECK(memcmp(sliced, y, sizeof y) == 0);
  OK(lcn_plan_destroy(mapped));
  OK(lcn_plan_destroy(plan));
}

/* A 3×3 convolution with padding, both layouts of images, whole and by slices, against its definition. */
static void check_convolution(void) {
  enum { CHANNELS = 6, SIDE = 9, FILTERS = 8, PATCH = CHANNELS * 9, IMAGES = 2 };
  static float w[FILTERS * PATCH], bias[FILTERS];
  static float x[IMAGES * CHANNELS * SIDE * SIDE], residual[IMAGES * FILTERS * SIDE * SIDE];
  static float expected[IMAGES * FILTERS * SIDE * SIDE], y[IMAGES * FILTERS * SIDE * SIDE];
  for (int i = 0; i < FILTERS * PATCH; i++) w[i] = uniform() < 0.3f ? uniform() - 0.5f : 0;
  for (int i = 0; i < FILTERS; i++) bias[i] = uniform() - 0.5f;
  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  dense.rows = FILTERS;
  dense.columns = PATCH;
  dense.values = w;
  lcn_matrix *source = NULL, *matrix = NULL;
  OK(lcn_matrix_from_dense(&dense, &source));
  OK(lcn_matrix_convert(source, LCN_CSR, 1, 1, &matrix));
  for (int nchw = 0; nchw < 2; nchw++) {
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = uniform() - 0.5f;
    for (size_t i = 0; i < sizeof y / sizeof *y; i++) residual[i] = uniform() - 0.5f;
    for (int n = 0; n < IMAGES; n++)
      for (int f = 0; f < FILTERS; f++)
        for (int p = 0; p < SIDE * SIDE; p++) {
          int at = nchw ? (n * FILTERS + f) * SIDE * SIDE + p : (n * SIDE * SIDE + p) * FILTERS + f;
          double sum = bias[f] + (double)residual[at];
          for (int j = 0; j < PATCH; j++) {
            int c = j / 9, row = p / SIDE + j % 9 / 3 - 1, column = p % SIDE + j % 3 - 1;
            if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
            int from = nchw ? ((n * CHANNELS + c) * SIDE + row) * SIDE + column
                            : ((n * SIDE + row) * SIDE + column) * CHANNELS + c;
            sum += (double)w[f * PATCH + j] * x[from];
          }
          expected[at] = (float)(sum > 0 ? sum : 0);
        }
    lcn_conv_options options = LCN_CONV_OPTIONS_INIT;
    options.layout = nchw ? LCN_NCHW : LCN_NHWC;
    options.images = IMAGES;
    options.channels = CHANNELS;
    options.height = options.width = SIDE;
    options.filters = FILTERS;
    options.kernel_height = options.kernel_width = 3;
    options.pad_top = options.pad_left = options.pad_bottom = options.pad_right = 1;
    options.bias = bias;
    options.bias_count = FILTERS;
    options.activation = LCN_ACTIVATION_RELU;
    options.adds_residual = 1;
    lcn_conv *conv = NULL;
    OK(lcn_conv_create(matrix, &options, &conv));
    lcn_conv_info info = LCN_CONV_INFO_INIT;
    OK(lcn_conv_get_info(conv, &info));
    CHECK(info.output_height == SIDE && info.output_width == SIDE && info.filters == FILTERS);
    for (int r = 0; r < runs; r++) OK(lcn_conv_run(conv, x, residual, y, IMAGES, NULL, 0));
    check_close(y, expected, IMAGES * FILTERS * SIDE * SIDE);
    size_t bytes = 0;
    OK(lcn_conv_workspace_size(conv, &bytes));
    void *memory = malloc(bytes + 64);
    void *workspace = (char *)memory + (64 - (uintptr_t)memory % 64) % 64;
    memset(expected, 0, sizeof expected);
    for (int slice = 2; slice >= 0; slice--) {
      OK(lcn_conv_run_slice(conv, slice, 3, x, residual, expected, IMAGES, workspace, bytes));
    }
    CHECK(memcmp(expected, y, sizeof y) == 0);
    free(memory);
    OK(lcn_conv_destroy(conv));
    options.pad_top = 3;
    CHECK(lcn_conv_create(matrix, &options, &conv) == LCN_SHAPE_MISMATCH);
    CHECK(conv == NULL && strstr(lcn_last_error(), "3") != NULL);
  }
  OK(lcn_matrix_destroy(matrix));
  OK(lcn_matrix_destroy(source));
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* An LSTM with PyTorch's gate order, whole sequences, by slices and step by step, against its definition. */
static void check_recurrent(void) {
  enum { INPUTS = 5, HIDDEN = 7, GATES = 4 * HIDDEN, STEPS = 6, BATCH = 3 };
  static float w[GATES * INPUTS], r[GATES * HIDDEN], bias[GATES];
  static float x[STEPS * BATCH * INPUTS], expected[STEPS * BATCH * HIDDEN], y[STEPS * BATCH * HIDDEN];
  static float stepped[STEPS * BATCH * HIDDEN], h[BATCH * HIDDEN], c[BATCH * HIDDEN];
  for (int i = 0; i < GATES * INPUTS; i++) w[i] = uniform() < 0.5f ? uniform() - 0.5f : 0;
  for (int i = 0; i < GATES * HIDDEN; i++) r[i] = uniform() < 0.5f ? uniform() - 0.5f : 0;
  for (int i = 0; i < GATES; i++) bias[i] = uniform() - 0.5f;
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = uniform() - 0.5f;
  for (int b = 0; b < BATCH; b++) {
    double hidden[HIDDEN] = {0}, cell[HIDDEN] = {0}, s[GATES];
    for (int t = 0; t < STEPS; t++) {
      for (int g = 0; g < GATES; g++) {
        s[g] = bias[g];
        for (int j = 0; j < INPUTS; j++) s[g] += (double)w[g * INPUTS + j] * x[(t * BATCH + b) * INPUTS + j];
        for (int j = 0; j < HIDDEN; j++) s[g] += r[g * HIDDEN + j] * hidden[j];
      }
      for (int u = 0; u < HIDDEN; u++) {
        cell[u] = logistic(s[HIDDEN + u]) * cell[u] + logistic(s[u]) * tanh(s[2 * HIDDEN + u]);
        hidden[u] = logistic(s[3 * HIDDEN + u]) * tanh(cell[u]);
        expected[(t * BATCH + b) * HIDDEN + u] = (float)hidden[u];
      }
    }
  }
  lcn_matrix *input = NULL, *recurrent = NULL;
  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  dense.rows = GATES;
  dense.columns = INPUTS;
  dense.values = w;
  OK(lcn_matrix_from_dense(&dense, &input));
  dense.columns = HIDDEN;
  dense.values = r;
  lcn_matrix *source = NULL;
  OK(lcn_matrix_from_dense(&dense, &source));
  OK(lcn_matrix_convert(source, LCN_CSR, 1, 1, &recurrent));
  OK(lcn_matrix_destroy(source));
  lcn_recurrent_weights weights = LCN_RECURRENT_WEIGHTS_INIT;
  weights.input = input;
  weights.recurrent = recurrent;
  weights.input_bias = bias;
  const lcn_recurrent_weights *all[] = {&weights};
  lcn_recurrent_options options = LCN_RECURRENT_OPTIONS_INIT;
  options.inputs = INPUTS;
  options.hidden = HIDDEN;
  options.order = LCN_GATES_TORCH;
  options.steps = STEPS;
  options.batch = BATCH;
  lcn_recurrent *network = NULL;
  OK(lcn_recurrent_create(all, 1, &options, &network));
  lcn_recurrent_info info = LCN_RECURRENT_INFO_INIT;
  OK(lcn_recurrent_get_info(network, &info));
  CHECK(info.outputs == HIDDEN && info.passes == 1 && info.stored > 0 && info.kernel[0] != 0);
  lcn_recurrent_operands run = LCN_RECURRENT_OPERANDS_INIT;
  run.steps = STEPS;
  run.batch = BATCH;
  run.x = x;
  run.y = y;
  for (int i = 0; i < runs; i++) OK(lcn_recurrent_run(network, &run));
  check_close(y, expected, STEPS * BATCH * HIDDEN);
  size_t bytes = 0;
  OK(lcn_recurrent_workspace_size(network, STEPS, BATCH, &bytes));
  void *memory = malloc(bytes + 64);
  run.workspace = (char *)memory + (64 - (uintptr_t)memory % 64) % 64;
  run.workspace_bytes = bytes;
  run.y = expected;
  memset(expected, 0, sizeof expected);
  for (int slice = 1; slice >= 0; slice--) OK(lcn_recurrent_run_slice(network, slice, 2, &run));
  CHECK(memcmp(expected, y, sizeof y) == 0);
  free(memory);
  /* The same stream step by step. */
  lcn_recurrent_operands step = LCN_RECURRENT_OPERANDS_INIT;
  step.batch = BATCH;
  step.first_hidden = step.last_hidden = h;
  step.first_cell = step.last_cell = c;
  for (int t = 0; t < STEPS; t++) {
    step.x = x + t * BATCH * INPUTS;
    step.y = stepped + t * BATCH * HIDDEN;
    OK(lcn_recurrent_run(network, &step));
  }
  check_close(stepped, y, STEPS * BATCH * HIDDEN);
  step.steps = 0;
  CHECK(lcn_recurrent_run(network, &step) == LCN_INVALID_ARGUMENT && strstr(lcn_last_error(), "0") != NULL);
  OK(lcn_recurrent_destroy(network));
  options.hidden = HIDDEN + 1;
  CHECK(lcn_recurrent_create(all, 1, &options, &network) == LCN_SHAPE_MISMATCH);
  CHECK(network == NULL && strstr(lcn_last_error(), "32") != NULL);
  OK(lcn_matrix_destroy(input));
  OK(lcn_matrix_destroy(recurrent));
}

static void check_pruning(void) {
  float w[4 * 8], threshold_test[4] = {1, -4, 2, 3};
  for (int i = 0; i < 32; i++) w[i] = (float)(i % 2 == 0 ? i + 1 : -(i + 1));
  uint8_t keep[32];
  lcn_dense_desc weights = LCN_DENSE_DESC_INIT;
  weights.rows = 4;
  weights.columns = 8;
  weights.values = w;
  lcn_mask_desc mask = LCN_MASK_DESC_INIT;
  mask.rows = 4;
  mask.columns = 8;
  mask.data = keep;
  lcn_schedule_desc schedule = LCN_SCHEDULE_DESC_INIT;
  schedule.final_sparsity = 0.75;
  schedule.end_step = 100;
  schedule.frequency = 10;
  lcn_mask_options options = LCN_MASK_OPTIONS_INIT;
  int64_t kept = 0;
  int32_t update = -1;
  OK(lcn_schedule_sparsity(&schedule, 100, &options.sparsity));
  CHECK(options.sparsity == 0.75);
  OK(lcn_schedule_is_update(&schedule, 20, &update));
  CHECK(update == 1);
  OK(lcn_schedule_is_update(&schedule, 21, &update));
  CHECK(update == 0);
  OK(lcn_mask_compute(&weights, &options, &mask, &kept));
  CHECK(kept == 8);
  OK(lcn_mask_apply(&weights, &mask));
  for (int i = 0; i < 32; i++) CHECK((w[i] != 0) == (i >= 24));
  double threshold = 0;
  OK(lcn_topk_threshold(LCN_F32, threshold_test, 4, 2, &threshold));
  CHECK(threshold == 3);
}

/* A network of ONNX with one node, y = Relu(x) of [5, 9]. */
static void check_graph(void) {
  static const unsigned char model[] = {
      0x08, 0x08, 0x3a, 0x2e, 0x0a, 0x0c, 0x0a, 0x01, 0x78, 0x12, 0x01, 0x79, 0x22, 0x04,
      0x52, 0x65, 0x6c, 0x75, 0x12, 0x04, 0x72, 0x65, 0x6c, 0x75, 0x5a, 0x13, 0x0a, 0x01,
      0x78, 0x12, 0x0e, 0x0a, 0x0c, 0x08, 0x01, 0x12, 0x08, 0x0a, 0x02, 0x08, 0x05, 0x0a,
      0x02, 0x08, 0x09, 0x62, 0x03, 0x0a, 0x01, 0x79, 0x42, 0x04, 0x0a, 0x00, 0x10, 0x11};
  char path[] = "/tmp/lacuna-client-XXXXXX";
  const int file = mkstemp(path);
  CHECK(file >= 0 && write(file, model, sizeof model) == (ssize_t)sizeof model);
  close(file);
  lcn_graph *graph = NULL;
  OK(lcn_graph_load(path, &graph));
  unlink(path);
  lcn_graph_info info = LCN_GRAPH_INFO_INIT;
  OK(lcn_graph_get_info(graph, &info));
  CHECK(info.inputs == 1 && info.outputs == 1 && info.nodes == 1 && info.parameters == 0);
  lcn_graph_value value = LCN_GRAPH_VALUE_INIT;
  OK(lcn_graph_get_input(graph, 0, &value));
  CHECK(value.dtype == LCN_F32 && value.rank == 2 && strcmp(value.name, "x") == 0);
  CHECK(value.shape[0] == 5 && value.shape[1] == 9);
  CHECK(lcn_graph_get_output(graph, 1, &value) == LCN_INVALID_ARGUMENT);

  const int64_t shape[] = {5, 9};
  lcn_graph_input input = LCN_GRAPH_INPUT_INIT;
  const lcn_graph_input *given[] = {&input};
  input.name = "x";
  input.rank = 1;
  input.shape = shape;
  lcn_graph_plan *plan = NULL;
  CHECK(lcn_graph_plan_create(graph, given, 1, NULL, &plan) == LCN_SHAPE_MISMATCH && plan == NULL);
  input.rank = 2;
  OK(lcn_graph_plan_create(graph, given, 1, NULL, &plan));
  OK(lcn_graph_destroy(graph));
  OK(lcn_graph_plan_get_output(plan, 0, &value));
  CHECK(value.rank == 2 && value.shape[0] == 5 && value.shape[1] == 9 && strcmp(value.name, "y") == 0);
  float x[45], y[45];
  for (int i = 0; i < 45; i++) x[i] = uniform() - 0.5f;
  const void *inputs[] = {x};
  void *outputs[] = {y}, *same[] = {x};
  OK(lcn_graph_plan_run(plan, inputs, outputs));
  for (int i = 0; i < 45; i++) CHECK(y[i] == (x[i] > 0 ? x[i] : 0));
  CHECK(lcn_graph_plan_run(plan, inputs, same) == LCN_INVALID_ARGUMENT);
  OK(lcn_graph_plan_destroy(plan));
  CHECK(lcn_graph_plan_run(plan, inputs, outputs) == LCN_INVALID_HANDLE);
}

static void check_misuse(void) {
  lcn_matrix *matrix = NULL;
  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  CHECK(lcn_matrix_from_dense(NULL, &matrix) == LCN_NULL_POINTER);
  dense.rows = INT64_MAX;
  dense.columns = INT64_MAX;
  CHECK(lcn_matrix_from_dense(&dense, &matrix) == LCN_SIZE_OVERFLOW);
  CHECK(matrix == NULL);
  CHECK(strstr(lcn_last_error(), "9223372036854775807") != NULL);
  CHECK(lcn_matrix_destroy(NULL) == LCN_OK);
  CHECK(lcn_plan_destroy(NULL) == LCN_OK);
  CHECK(lcn_conv_destroy(NULL) == LCN_OK);
  CHECK(lcn_recurrent_destroy(NULL) == LCN_OK);
  CHECK(lcn_model_destroy(NULL) == LCN_OK);
  CHECK(lcn_graph_destroy(NULL) == LCN_OK);
  CHECK(lcn_graph_plan_destroy(NULL) == LCN_OK);
  lcn_model *model = NULL;
  CHECK(lcn_model_load("/nonexistent.lacuna", NULL, &model) == LCN_FILE_NOT_FOUND);
}

/* A plan of more threads than there are processors, in a process and in its child. */
static void check_fork(int32_t threads) {
  enum { SIDE = 512, WIDTH = 64 };
  static float w[SIDE * SIDE], x[SIDE * WIDTH], y[SIDE * WIDTH], again[SIDE * WIDTH];
  for (int i = 0; i < SIDE * SIDE; i++) w[i] = uniform() < 0.5f ? uniform() - 0.5f : 0;
  for (int i = 0; i < SIDE * WIDTH; i++) x[i] = uniform() - 0.5f;
  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  dense.rows = dense.columns = SIDE;
  dense.values = w;
  lcn_matrix *source = NULL, *matrix = NULL;
  lcn_plan *plan = NULL;
  OK(lcn_matrix_from_dense(&dense, &source));
  OK(lcn_matrix_convert(source, LCN_CSR, 1, 1, &matrix));
  lcn_plan_options options = LCN_PLAN_OPTIONS_INIT;
  options.width = WIDTH;
  options.threads = threads;
  OK(lcn_plan_create(matrix, &options, &plan));
  OK(lcn_plan_run(plan, x, WIDTH, y, WIDTH, WIDTH, NULL, 0));
  pid_t child = fork();
  if (child == 0) {
    lcn_plan *other = NULL;
    OK(lcn_plan_run(plan, x, WIDTH, again, WIDTH, WIDTH, NULL, 0));
    CHECK(memcmp(y, again, sizeof y) == 0);
    OK(lcn_plan_destroy(plan));
    CHECK(lcn_plan_destroy(plan) == LCN_INVALID_HANDLE);
    OK(lcn_plan_create(matrix, &options, &other));
    OK(lcn_plan_run(other, x, WIDTH, again, WIDTH, WIDTH, NULL, 0));
    CHECK(memcmp(y, again, sizeof y) == 0);
    OK(lcn_plan_destroy(other));
    _exit(failures != 0);
  }
  int status = -1;
  for (int waited = 0; waited < 6000 && waitpid(child, &status, WNOHANG) == 0; waited++) {
    const struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
  }
  CHECK(status == 0);
  OK(lcn_plan_run(plan, x, WIDTH, again, WIDTH, WIDTH, NULL, 0));
  CHECK(memcmp(y, again, sizeof y) == 0);
  OK(lcn_plan_destroy(plan));
  OK(lcn_matrix_destroy(matrix));
  OK(lcn_matrix_destroy(source));
}

int main(int argc, char **argv) {
  int plans = argc > 1 ? atoi(argv[1]) : 20;
  if (argc > 2) runs = atoi(argv[2]);
  if (lcn_abi_version() != LCN_ABI_VERSION) {
    fprintf(stderr, "lacuna.h has ABI %d, the library %d\n", LCN_ABI_VERSION, lcn_abi_version());
    return 1;
  }
  lcn_cpu_info cpu = LCN_CPU_INFO_INIT;
  OK(lcn_get_cpu_info(&cpu));

  static float w[OUT * IN], x[IN * N], bias[OUT], expected[OUT * N];
  for (int i = 0; i < OUT * IN; i++) w[i] = uniform() < 0.1f ? uniform() - 0.5f : 0;
  for (int i = 0; i < IN * N; i++) x[i] = uniform() - 0.5f;
  for (int i = 0; i < OUT; i++) bias[i] = uniform() - 0.5f;
  reference(w, x, bias, expected);

  lcn_dense_desc dense = LCN_DENSE_DESC_INIT;
  dense.rows = OUT;
  dense.columns = IN;
  dense.values = w;
  lcn_matrix *source = NULL;
  OK(lcn_matrix_from_dense(&dense, &source));
  const struct { int32_t format; int64_t rows, columns; } formats[] = {
      {LCN_DENSE, 1, 1}, {LCN_CSR, 1, 1}, {LCN_BSR, 4, 4}, {LCN_BSR, 1, 16}, {LCN_BSR, 7, 3}};
  enum { FORMATS = sizeof formats / sizeof *formats };
  lcn_matrix *matrices[FORMATS];
  for (int f = 0; f < FORMATS; f++) {
    OK(lcn_matrix_convert(source, formats[f].format, formats[f].rows, formats[f].columns,
                          &matrices[f]));
  }
  for (int p = 0; p < plans; p++) use_plan(matrices[p % FORMATS], x, bias, expected);
  for (int f = 0; f < FORMATS; f++) OK(lcn_matrix_destroy(matrices[f]));
  OK(lcn_matrix_destroy(source));
  CHECK(lcn_matrix_destroy(source) == LCN_INVALID_HANDLE);
  check_convolution();
  check_recurrent();
  check_pruning();
  check_graph();
  check_misuse();
  if (argc == 1) check_fork(cpu.cores + 2);
  if (failures == 0) printf("C: Lacuna %s on %s, %d plans\n", lcn_version_string(), cpu.model, plans);
  return failures != 0;
}
