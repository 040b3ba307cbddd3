// A plug-in execution provider for onnxruntime 1.23 and later: sparse products by Lacuna, all else by onnxruntime.
//
// The library keeps nothing of the model but its plans. A node that it does not take, for whatever reason, stays with
// onnxruntime's own kernels; no exception leaves it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

#include "../report.h"
#include "recurrent.h"
#include "running.h"

namespace {

struct Provider : OrtEp {
  const Api *api;
  std::string name;
  Options options;
  std::vector<Decision> decisions;
  std::vector<Stretch> taken;  // in the order in which they were announced
  std::vector<Region> regions;
};

struct Factory : OrtEpFactory {
  Factory(const void *table, const char *registered) : OrtEpFactory{}, api(table), name(registered) {}
  Api api;
  std::string name;
};

OrtStatus *create_state(OrtNodeComputeInfo *self, OrtNodeComputeContext *, void **state) {
  *state = self;
  return nullptr;
}

void release_state(OrtNodeComputeInfo *, void *) {}

// -- Choosing ------------------------------------------------------------------------------------

OrtStatus *get_capability(OrtEp *self, const OrtGraph *ort, OrtEpGraphSupportInfo *support) {
  auto &provider = *static_cast<Provider *>(self);
  const Api &api = *provider.api;
  try {
    const Graph graph(api);
    void *const *ep_api = static_cast<void *const *>(api.GetEpApi());
    // EpGraphSupportInfo_AddNodesToFuse
    const auto fuse = reinterpret_cast<OrtStatus *(*)(OrtEpGraphSupportInfo *, const OrtNode *const *, size_t,
                                                      const OrtNodeFusionOptions *)>(ep_api[2]);
    // onnxruntime 1.23 gives the first fused nodes of two graphs one name, and then refuses the whole model: only one
    // graph of a model is served, and that is to be the outermost.
    const char *elsewhere = graph.is_nested(ort) ? "it is inside an If or a Loop"
                            : !provider.taken.empty() || !provider.regions.empty()
                                ? "another graph of this model was served already"
                                : nullptr;
    const OrtNodeFusionOptions fusion{kOrtVersion, true};
    const auto nodes = graph.nodes(ort);
    std::set<const OrtNode *> whole, left;
    if (elsewhere == nullptr) {
      auto regions = find_regions(graph, ort, nodes, provider.options, provider.decisions, left);
      for (Region &region : regions) {
        if (OrtStatus *status = fuse(support, region.nodes.data(), region.nodes.size(), &fusion)) return status;
        whole.insert(region.nodes.begin(), region.nodes.end());
        provider.regions.push_back(std::move(region));
      }
    }
    for (const OrtNode *node : nodes) {
      if (!is_product(graph, node) || whole.count(node) > 0) continue;
      Decision decision;
      const char *reason = left.count(node) > 0 ? "alone it would save less than its borders cost" : elsewhere;
      Stretch stretch = examine(graph, node, provider.options, reason, decision);
      const bool claimed = stretch.is_taken();
      provider.decisions.push_back(std::move(decision));
      if (!claimed) continue;
      if (OrtStatus *status = fuse(support, stretch.nodes.data(), stretch.nodes.size(), &fusion)) return status;
      provider.taken.push_back(std::move(stretch));
    }
    if (!provider.options.report.empty()) write_report(provider.options.report, provider.decisions);
    return nullptr;
  } catch (const std::exception &why) {
    return failed(api, why.what());
  }
}

// Where onnxruntime has a value of that name; nowhere when it has none, or there is no name.
size_t place(const Graph &graph, const std::string &name, const std::vector<const OrtValueInfo *> &values) {
  size_t place = 0;
  while (place < values.size() && (values[place] == nullptr || graph.name(values[place]) != name)) place++;
  return name.empty() || place == values.size() ? kNowhere : place;
}

std::vector<size_t> places(const Graph &graph, const std::vector<std::string> &names,
                           const std::vector<const OrtValueInfo *> &values) {
  std::vector<size_t> result;
  for (const std::string &name : names) {
    result.push_back(place(graph, name, values));
    if (result.back() == kNowhere) throw Refusal("a region came back without its value " + name);
  }
  return result;
}

OrtStatus *compile(OrtEp *self, const OrtGraph **graphs, const OrtNode **, size_t count, OrtNodeComputeInfo **infos,
                   OrtNode **) {
  auto &provider = *static_cast<Provider *>(self);
  const Api &api = *provider.api;
  try {
    const Graph graph(api);
    std::vector<std::unique_ptr<Kernel>> made;
    for (size_t i = 0; i < count; i++) {
      // The nodes are others than those that were announced, but their values have the same names.
      std::string key;
      for (const OrtNode *node : graph.nodes(graphs[i]))
        if (key.empty() || is_product(graph, node)) key = graph.key(node);
      const auto found = std::find_if(provider.taken.begin(), provider.taken.end(),
                                      [&](const Stretch &s) { return s.is_taken() && s.key == key; });
      const auto region = std::find_if(provider.regions.begin(), provider.regions.end(), [&](const Region &r) {
        return r.plan && std::find(r.keys.begin(), r.keys.end(), key) != r.keys.end();
      });
      if (found == provider.taken.end() && region == provider.regions.end())
        return failed(api, "a node that was not taken came back: " + key);
      auto kernel = std::make_unique<Kernel>();
      kernel->version = kOrtVersion;
      kernel->CreateState = create_state;
      kernel->Compute = compute;
      kernel->ReleaseState = release_state;
      kernel->api = provider.api;
      kernel->threads = provider.options.threads;
      if (region != provider.regions.end()) {
        kernel->region = std::move(*region);
        kernel->from = places(graph, kernel->region.inputs, graph.inputs(graphs[i]));
        kernel->to = places(graph, kernel->region.outputs, graph.outputs(graphs[i]));
      } else {
        kernel->stretch = std::move(*found);
        if (const auto &recurrence = kernel->stretch.recurrence) {
          for (const std::string &name : recurrence->names) kernel->from.push_back(place(graph, name, graph.inputs(graphs[i])));
          for (const std::string &name : recurrence->results) kernel->to.push_back(place(graph, name, graph.outputs(graphs[i])));
        }
      }
      kernel->stretch.nodes.clear();
      kernel->region.nodes.clear();
      made.push_back(std::move(kernel));
    }
    for (size_t i = 0; i < count; i++) infos[i] = made[i].release();
    return nullptr;
  } catch (const std::exception &why) {
    return failed(api, why.what());
  }
}

void release_infos(OrtEp *, OrtNodeComputeInfo **infos, size_t count) {
  for (size_t i = 0; i < count; i++) delete static_cast<Kernel *>(infos[i]);
}

const char *provider_name(const OrtEp *self) { return static_cast<const Provider *>(self)->name.c_str(); }

// -- The factory ---------------------------------------------------------------------------------

// A session's option, or "".
std::string option(const Factory &factory, const OrtSessionOptions *session, const char *key) {
  std::string lower = factory.name;
  for (char &c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string full = "ep." + lower + "." + key;
  char value[4096];
  size_t size = sizeof value;
  if (OrtStatus *status = factory.api.GetSessionConfigEntry(session, full.c_str(), value, &size)) {
    factory.api.ReleaseStatus(status);
    return "";
  }
  return std::string(value, size > 0 ? size - 1 : 0);
}

double number(const std::string &text, const char *key, double otherwise, double least, double most) {
  if (text.empty()) return otherwise;
  char *end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != 0 || !(value >= least && value <= most))
    throw Refusal(std::string("option ") + key + " is \"" + text + "\", must be a number from " + std::to_string(least) +
                  " to " + std::to_string(most));
  return value;
}

OrtStatus *create_ep(OrtEpFactory *self, const OrtHardwareDevice *const *, const OrtKeyValuePairs *const *, size_t,
                     const OrtSessionOptions *session, const OrtLogger *, OrtEp **ep) {
  auto &factory = *static_cast<Factory *>(self);
  try {
    auto provider = std::make_unique<Provider>();
    static_cast<OrtEp &>(*provider) = OrtEp{};
    provider->version = kOrtVersion;
    provider->GetName = provider_name;
    provider->GetCapability = get_capability;
    provider->Compile = compile;
    provider->ReleaseNodeComputeInfos = release_infos;
    provider->api = &factory.api;
    provider->name = factory.name;
    Options &o = provider->options;
    o.min_zeros = number(option(factory, session, "min_zeros"), "min_zeros", o.min_zeros, 0, 1);
    o.min_weights = static_cast<int64_t>(number(option(factory, session, "min_weights"), "min_weights", 4096, 0, 1e15));
    o.width = static_cast<int64_t>(number(option(factory, session, "width"), "width", 64, 1, 65536));
    o.report = option(factory, session, "report");
    lcn_cpu_info cpu = LCN_CPU_INFO_INIT;
    if (lcn_get_cpu_info(&cpu) != LCN_OK) throw Refusal(lcn_last_error());
    o.threads = static_cast<int64_t>(number(option(factory, session, "threads"), "threads", 0, 0, 1024));
    if (o.threads == 0) o.threads = std::max(1, cpu.cores);
    *ep = provider.release();
    return nullptr;
  } catch (const std::exception &why) {
    return failed(factory.api, why.what());
  }
}

OrtStatus *supported_devices(OrtEpFactory *self, const OrtHardwareDevice *const *devices, size_t count,
                             OrtEpDevice **result, size_t most, size_t *found) {
  auto &factory = *static_cast<Factory *>(self);
  *found = 0;
  void *const *ep_api = static_cast<void *const *>(factory.api.GetEpApi());
  // CreateEpDevice
  const auto create = reinterpret_cast<OrtStatus *(*)(OrtEpFactory *, const OrtHardwareDevice *, const OrtKeyValuePairs *,
                                                      const OrtKeyValuePairs *, OrtEpDevice **)>(ep_api[0]);
  for (size_t i = 0; i < count && *found < most; i++) {
    if (factory.api.HardwareDevice_Type(devices[i]) != kHardwareCPU) continue;
    if (OrtStatus *status = create(self, devices[i], nullptr, nullptr, &result[*found])) return status;
    ++*found;
  }
  return nullptr;
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED OrtStatus *CreateEpFactories(const char *registered, const OrtApiBase *base, const OrtLogger *,
                                      OrtEpFactory **factories, size_t most, size_t *count) {
  const void *table = base->GetApi(kOrtVersion);
  *count = 0;
  // Older releases have no such providers and never call this. Without a table there is no way to say more.
  if (table == nullptr || most == 0) return nullptr;
  auto *f = new Factory(table, registered);
  f->version = kOrtVersion;
  f->GetName = [](const OrtEpFactory *self) { return static_cast<const Factory *>(self)->name.c_str(); };
  f->GetVendor = [](const OrtEpFactory *) { return "Lacuna"; };
  f->GetSupportedDevices = supported_devices;
  f->CreateEp = create_ep;
  f->ReleaseEp = [](OrtEpFactory *, OrtEp *ep) { delete static_cast<Provider *>(ep); };
  f->GetVendorId = [](const OrtEpFactory *) { return uint32_t(0); };
  f->GetVersion = [](const OrtEpFactory *) { return lcn_version_string(); };
  f->CreateAllocator = [](OrtEpFactory *, const OrtMemoryInfo *, const OrtKeyValuePairs *,
                          OrtAllocator **allocator) -> OrtStatus * {
    *allocator = nullptr;
    return nullptr;
  };
  f->ReleaseAllocator = [](OrtEpFactory *, OrtAllocator *) {};
  f->CreateDataTransfer = [](OrtEpFactory *, void **transfer) -> OrtStatus * {
    *transfer = nullptr;
    return nullptr;
  };
  f->IsStreamAware = [](const OrtEpFactory *) { return false; };
  factories[0] = f;
  *count = 1;
  return nullptr;
}

EXPORTED OrtStatus *ReleaseEpFactory(OrtEpFactory *factory) {
  delete static_cast<Factory *>(factory);
  return nullptr;
}
