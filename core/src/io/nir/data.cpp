// NIRData has its types in attributes, where NIR has them in data sets.
#include "io/nir/data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "base/text.hpp"

namespace neurotool::nir {
namespace {

constexpr std::size_t kDeepest = 24;

Error refused(std::string_view where, const std::string& path, std::string message,
              std::string help = {}) {
  return error("nir.data", ModelNode{std::string(where), path}, std::move(message),
               std::move(help));
}

class DataReader {
 public:
  explicit DataReader(std::string_view where) : where_(where) {}

  Result<GraphData> read(const hdf5::Item& top) { return graph(top, "", 0); }

 private:
  Error refuse(const std::string& path, std::string message, std::string help = {}) const {
    return refused(where_, path.empty() ? "/" : path, std::move(message), std::move(help));
  }

  static std::string type_of(const hdf5::Item& item) {
    const hdf5::Attribute* type = item.attribute("__type__");
    const std::string* text = type == nullptr ? nullptr : hdf5::text_of(type->value);
    return text == nullptr ? "" : *text;
  }

  Result<const hdf5::Group*> group_in(const hdf5::Item& item, std::string_view name,
                                      const std::string& path) const {
    const auto* group = std::get_if<hdf5::Group>(&item.value);
    const hdf5::Item* inner = group == nullptr ? nullptr : group->find(name);
    const auto* found = inner == nullptr ? nullptr : std::get_if<hdf5::Group>(&inner->value);
    if (found == nullptr) return refuse(path, fmt::format("there is no group '{}'", name));
    return found;
  }

  Result<GraphData> graph(const hdf5::Item& item, const std::string& path, std::size_t depth) {
    if (type_of(item) != "NIRGraphData") {
      return refuse(
          path,
          fmt::format("'__type__' is '{}', expected 'NIRGraphData'", escape_control(type_of(item))),
          "this is an HDF5 file of another kind; graphs are read with nir::read");
    }
    if (depth > kDeepest) {
      return refuse(path, fmt::format("graphs are nested more than {} deep", kDeepest));
    }
    NT_TRY(const hdf5::Group* nodes, group_in(item, "nodes", path));
    GraphData made;
    for (const hdf5::Item& node : nodes->members) {
      const std::string at = path + "/nodes/" + node.name;
      if (type_of(node) == "NIRGraphData") {
        NT_TRY(made.graphs[node.name], graph(node, at, depth + 1));
      } else if (type_of(node) == "NIRNodeData") {
        NT_TRY(made.nodes[node.name], this->node(node, at));
      } else {
        return refuse(
            at, fmt::format("'{}' is no type of a node's data", escape_control(type_of(node))));
      }
    }
    return made;
  }

  Result<NodeData> node(const hdf5::Item& item, const std::string& path) {
    NT_TRY(const hdf5::Group* group, group_in(item, "observables", path));
    NodeData made;
    for (const hdf5::Item& each : group->members) {
      NT_TRY(Observable observable, this->observable(each, path + "/observables/" + each.name));
      made.observables.emplace(each.name, std::move(observable));
    }
    return made;
  }

  Result<Observable> observable(const hdf5::Item& item, const std::string& path) {
    const std::string type = type_of(item);
    if (type == "TimeGriddedData") {
      TimeGridded made;
      NT_TRY(made.data, tensor(item, "data", path));
      NT_TRY(made.dt, number(item, "dt", path));
      if (made.data.rank() != 3) {
        return refuse(path,
                      fmt::format("the data have the shape {}, expected [samples,steps,neurons]",
                                  to_string(made.data.shape())));
      }
      return Observable(std::move(made));
    }
    if (type != "EventData" && type != "ValuedEventData") {
      return refuse(path, fmt::format("'{}' is no type of an observable", escape_control(type)));
    }
    Events made;
    NT_TRY(made.idx, tensor(item, "idx", path));
    NT_TRY(made.time, tensor(item, "time", path));
    NT_TRY(const double neurons, number(item, "n_neurons", path));
    NT_TRY(made.t_max, number(item, "t_max", path));
    if (type == "ValuedEventData") {
      NT_TRY(made.value, tensor(item, "value", path));
    }
    const bool same = made.idx.shape() == made.time.shape() && made.idx.rank() == 2 &&
                      (!made.value.defined() || made.value.shape() == made.idx.shape());
    const bool whole = neurons >= 0 && neurons == std::floor(neurons) && neurons < 0x1p48;
    if (!same || !whole) {
      return refuse(
          path, fmt::format("indices {} and times {} of {} neurons do not go together",
                            to_string(made.idx.shape()), to_string(made.time.shape()), neurons));
    }
    made.neurons = static_cast<std::int64_t>(neurons);
    return Observable(std::move(made));
  }

  Result<Tensor> tensor(const hdf5::Item& item, std::string_view name,
                        const std::string& path) const {
    const auto* group = std::get_if<hdf5::Group>(&item.value);
    const hdf5::Item* inner = group == nullptr ? nullptr : group->find(name);
    const auto* found = inner == nullptr ? nullptr : std::get_if<Tensor>(&inner->value);
    if (found == nullptr) return refuse(path, fmt::format("there are no numbers '{}'", name));
    return *found;
  }

  Result<double> number(const hdf5::Item& item, std::string_view name,
                        const std::string& path) const {
    const hdf5::Attribute* attribute = item.attribute(name);
    const auto* found = attribute == nullptr ? nullptr : std::get_if<Tensor>(&attribute->value);
    if (found == nullptr || found->size() != 1) {
      return refuse(path, fmt::format("there is no number '{}' among the attributes", name));
    }
    return found->at(0);
  }

  std::string_view where_;
};

hdf5::Item item_of(std::string name, hdf5::Value value, std::string_view type) {
  hdf5::Item item{std::move(name), std::move(value), {}};
  if (!type.empty()) item.attributes.push_back({"__type__", hdf5::text(type)});
  return item;
}

hdf5::Item written(const std::string& name, const TimeGridded& grid) {
  hdf5::Group group;
  group.members.push_back(item_of("data", grid.data, ""));
  hdf5::Item item = item_of(name, std::move(group), "TimeGriddedData");
  item.attributes.push_back({"dt", Tensor::scalar(grid.dt)});
  return item;
}

hdf5::Item written(const std::string& name, const Events& events) {
  hdf5::Group group;
  group.members.push_back(item_of("idx", events.idx, ""));
  group.members.push_back(item_of("time", events.time, ""));
  if (events.value.defined()) group.members.push_back(item_of("value", events.value, ""));
  hdf5::Item item =
      item_of(name, std::move(group), events.value.defined() ? "ValuedEventData" : "EventData");
  item.attributes.push_back({"n_neurons", Tensor::scalar(events.neurons)});
  item.attributes.push_back({"t_max", Tensor::scalar(events.t_max)});
  return item;
}

hdf5::Item written(const std::string& name, const NodeData& node) {
  hdf5::Group observables;
  for (const auto& observable : node.observables) {
    const auto write = [&](const auto& each) { return written(observable.first, each); };
    observables.members.push_back(std::visit(write, observable.second));
  }
  hdf5::Group group;
  group.members.push_back(item_of("observables", std::move(observables), ""));
  return item_of(name, std::move(group), "NIRNodeData");
}

hdf5::Item written(const std::string& name, const GraphData& graph) {
  hdf5::Group nodes;
  for (const auto& [key, node] : graph.nodes) nodes.members.push_back(written(key, node));
  for (const auto& [key, inner] : graph.graphs) nodes.members.push_back(written(key, inner));
  std::ranges::sort(nodes.members, {}, &hdf5::Item::name);
  hdf5::Group group;
  group.members.push_back(item_of("nodes", std::move(nodes), ""));
  return item_of(name, std::move(group), "NIRGraphData");
}

}  // namespace

bool GraphData::operator==(const GraphData& other) const {
  return nodes == other.nodes && graphs == other.graphs;
}

Result<GraphData> read_data(const std::filesystem::path& path, const hdf5::ReadLimits& limits) {
  NT_TRY(const hdf5::Item top,
         hdf5::read_item(path, {.limits = limits, .attributes = true, .only = {}}));
  return DataReader(path.string()).read(top);
}

Result<GraphData> read_data(std::string_view bytes, std::string_view where,
                            const hdf5::ReadLimits& limits) {
  NT_TRY(const hdf5::Item top,
         hdf5::read_item(bytes, where, {.limits = limits, .attributes = true, .only = {}}));
  return DataReader(where).read(top);
}

Result<std::string> write_data(const GraphData& data) {
  return hdf5::write_item(written("", data));
}

Result<> write_data(const std::filesystem::path& path, const GraphData& data) {
  NT_TRY(const std::string bytes, write_data(data));
  return write_file_atomic(path, bytes);
}

Result<TimeGridded> on_grid(const Events& events, double dt) {
  constexpr double kMostSteps = 0x1p31;
  const double steps = std::floor(events.t_max / dt);
  if (!(dt > 0) || !(steps >= 0 && steps < kMostSteps)) {
    return refused(
        "", "",
        fmt::format("a t_max of {} and a dt of {} make no number of steps", events.t_max, dt));
  }
  const std::int64_t samples = events.idx.rank() == 2 ? events.idx.shape()[0] : 0;
  const Shape shape{samples, static_cast<std::int64_t>(steps), events.neurons};
  const auto count = element_count(shape);
  if (!count) return refused("", "", fmt::format("a grid {} is too large", to_string(shape)));
  std::vector<double> grid(static_cast<std::size_t>(*count), 0.0);
  for (std::int64_t i = 0; i < events.idx.size(); ++i) {
    const double neuron = events.idx.at(i);
    if (neuron == -1) continue;
    const double step = std::floor(events.time.at(i) / dt);
    const bool inside =
        neuron >= 0 && neuron < static_cast<double>(events.neurons) && step >= 0 && step < steps;
    if (!inside) {
      return refused("", "",
                     fmt::format("an event of neuron {} at {} is outside {} neurons and {} steps",
                                 neuron, events.time.at(i), events.neurons, steps));
    }
    const std::int64_t sample = i / events.idx.shape()[1];
    const auto place = (sample * shape[1] + static_cast<std::int64_t>(step)) * shape[2] +
                       static_cast<std::int64_t>(neuron);
    grid[static_cast<std::size_t>(place)] = events.value.defined() ? events.value.at(i) : 1;
  }
  const Tensor data = Tensor::from(shape, std::move(grid));
  return TimeGridded{events.value.defined() ? data : data.converted(DType::kBool), dt};
}

}  // namespace neurotool::nir
