// The file as it is: layers by number, each a group of data sets.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/files.hpp"
#include "base/text.hpp"
#include "io/netx/netx.hpp"

namespace neurotool::netx {
namespace {

Error wrong_file(std::string_view where, const std::string& path, std::string message,
                 std::string help = {}) {
  return error("netx.format", ModelNode{std::string(where), path}, std::move(message),
               std::move(help));
}

const hdf5::Group* group_in(const hdf5::Group& group, std::string_view name) {
  const hdf5::Item* item = group.find(name);
  return item == nullptr ? nullptr : std::get_if<hdf5::Group>(&item->value);
}

/// A text, be it a scalar or the first of an array.
std::optional<std::string> first_text(const hdf5::Group& group, std::string_view name) {
  const hdf5::Item* item = group.find(name);
  const auto* texts = item == nullptr ? nullptr : std::get_if<hdf5::Texts>(&item->value);
  if (texts == nullptr || texts->values.empty()) return std::nullopt;
  return texts->values.front();
}

Tensor number_in(const hdf5::Group& group, std::string_view name) {
  const hdf5::Item* item = group.find(name);
  const auto* tensor = item == nullptr ? nullptr : std::get_if<Tensor>(&item->value);
  return tensor == nullptr ? Tensor() : *tensor;
}

hdf5::Group without(const hdf5::Group& group, std::initializer_list<std::string_view> names) {
  hdf5::Group rest;
  for (const hdf5::Item& item : group.members) {
    if (std::ranges::find(names, item.name) == names.end()) rest.members.push_back(item);
  }
  return rest;
}

Result<Layer> layer_of(const hdf5::Group& group, const std::string& path, std::string_view where) {
  Layer layer;
  const auto type = first_text(group, "type");
  if (!type) return wrong_file(where, path, "the layer has no text 'type'");
  layer.type = *type;
  const Tensor shape = number_in(group, "shape");
  for (std::int64_t i = 0; i < shape.size() && shape.defined(); ++i) {
    const double extent = shape.at(i);
    if (!(extent >= 1 && extent < 0x1p31)) {
      return wrong_file(where, path + "/shape", fmt::format("the extent {} is {}", i, extent));
    }
    layer.shape.push_back(static_cast<std::int64_t>(extent));
  }
  if (layer.shape.empty() || layer.shape.size() > 3 || !element_count(layer.shape)) {
    return wrong_file(where, path, "the layer has no 'shape' of one to three extents");
  }
  if (const hdf5::Group* neuron = group_in(group, "neuron")) {
    const auto kind = first_text(*neuron, "type");
    if (!kind) return wrong_file(where, path + "/neuron", "the neuron has no text 'type'");
    layer.neuron = Neuron{*kind, without(*neuron, {"type"})};
  }
  layer.values = without(group, {"type", "shape", "neuron"});
  return layer;
}

std::optional<double> scalar_in(const hdf5::Group& group, std::string_view name) {
  const Tensor tensor = number_in(group, name);
  return tensor.defined() && tensor.size() == 1 ? std::optional(tensor.at(0)) : std::nullopt;
}

hdf5::Item item_of(std::string name, hdf5::Value value) {
  return {std::move(name), std::move(value), {}};
}

hdf5::Group sorted(hdf5::Group group) {
  std::ranges::sort(group.members, {}, &hdf5::Item::name);
  return group;
}

hdf5::Group tree_of(const Layer& layer) {
  hdf5::Group group = layer.values;
  group.members.push_back(item_of("type", hdf5::Texts{{1}, {layer.type}}));
  group.members.push_back(item_of(
      "shape",
      Tensor::from<std::int64_t>({static_cast<std::int64_t>(layer.shape.size())}, layer.shape)));
  if (layer.neuron) {
    hdf5::Group neuron = layer.neuron->values;
    neuron.members.push_back(item_of("type", hdf5::text(layer.neuron->type)));
    group.members.push_back(item_of("neuron", sorted(std::move(neuron))));
  }
  return sorted(std::move(group));
}

}  // namespace

Tensor Neuron::number(std::string_view name) const { return number_in(values, name); }
Tensor Layer::number(std::string_view name) const { return number_in(values, name); }

bool looks_like_netx(const hdf5::Group& root) {
  const hdf5::Group* layers = group_in(root, "layer");
  return layers != nullptr && group_in(*layers, "0") != nullptr;
}

Result<Network> from_tree(const hdf5::Group& root, std::string_view where) {
  const hdf5::Group* layers = group_in(root, "layer");
  if (layers == nullptr) {
    return wrong_file(where, "/",
                      "there is no group '/layer', which holds the layers of a Lava network",
                      "this is an HDF5 file of another kind");
  }
  Network network;
  for (std::size_t i = 0; i < layers->members.size(); ++i) {
    const std::string name = std::to_string(i), path = "/layer/" + name;
    const hdf5::Group* group = group_in(*layers, name);
    if (group == nullptr) {
      return wrong_file(where, path,
                        fmt::format("there are {} layers and no group '{}' among them",
                                    layers->members.size(), name),
                        "layers have decimal numbers from 0 on");
    }
    NT_TRY(Layer layer, layer_of(*group, path, where));
    network.layers.push_back(std::move(layer));
  }
  if (const hdf5::Group* simulation = group_in(root, "simulation")) {
    network.step_ms = scalar_in(*simulation, "Ts");
    network.sample_steps = scalar_in(*simulation, "tSample");
  }
  return network;
}

Result<Network> read(const std::filesystem::path& path, const hdf5::ReadLimits& limits) {
  NT_TRY(const hdf5::Group root,
         hdf5::read_tree(path, {.limits = limits, .attributes = false, .only = {}}));
  return from_tree(root, path.string());
}

Result<Network> read(std::string_view bytes, std::string_view where,
                     const hdf5::ReadLimits& limits) {
  NT_TRY(const hdf5::Group root,
         hdf5::read_tree(bytes, where, {.limits = limits, .attributes = false, .only = {}}));
  return from_tree(root, where);
}

Result<std::string> write(const Network& network) {
  hdf5::Group layers, root;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    layers.members.push_back(item_of(std::to_string(i), tree_of(network.layers[i])));
  }
  root.members.push_back(item_of("layer", sorted(std::move(layers))));
  hdf5::Group simulation;
  if (network.step_ms)
    simulation.members.push_back(item_of("Ts", Tensor::scalar(*network.step_ms)));
  if (network.sample_steps) {
    simulation.members.push_back(item_of("tSample", Tensor::scalar(*network.sample_steps)));
  }
  if (!simulation.members.empty()) {
    root.members.push_back(item_of("simulation", std::move(simulation)));
  }
  return hdf5::write_tree(root);
}

Result<> write(const std::filesystem::path& path, const Network& network) {
  NT_TRY(const std::string bytes, write(network));
  return write_file_atomic(path, bytes);
}

}  // namespace neurotool::netx
