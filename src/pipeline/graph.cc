#include "pipeline/graph.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>
#include <string>
#include <unordered_map>
#include <variant>

#include "base/overloaded.h"
#include "expression/template.h"

namespace stoker::pipeline {

namespace {

// Where each bucket begins, of items counted per bucket in counts[bucket + 1].
void add_up(std::vector<std::uint32_t>& counts) {
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
}

}  // namespace

// Bucket sorts: first by `to`, which makes the links of each `from` ascending (and equal ones neighbours) when they are
// dealt out.
Graph::Graph(std::size_t nodes, const std::vector<Edge>& edges)
    : dependency_starts_(nodes + 1, 0), dependant_starts_(nodes + 1, 0) {
  std::vector<std::uint32_t> to_starts(nodes + 1, 0), from_starts(nodes + 1, 0);
  for (const auto& edge : edges) {
    ++to_starts[edge.to + 1];
    ++from_starts[edge.from + 1];
  }
  add_up(to_starts);
  add_up(from_starts);
  std::vector<Edge> by_to(edges.size());
  auto next = to_starts;
  for (const auto& edge : edges)
    by_to[next[edge.to]++] = edge;
  std::vector<Link> links(edges.size());
  next = from_starts;
  for (const auto& edge : by_to)
    links[next[edge.from]++] = {edge.to, edge.soft};
  dependencies_.reserve(links.size());
  for (std::size_t from = 0; from < nodes; ++from) {
    for (auto i = from_starts[from]; i < from_starts[from + 1]; ++i) {
      if (i > from_starts[from] && links[i].node == links[i - 1].node) {
        dependencies_.back().soft = dependencies_.back().soft && links[i].soft;
      } else {
        dependencies_.push_back(links[i]);
      }
    }
    dependency_starts_[from + 1] = static_cast<std::uint32_t>(dependencies_.size());
  }
  for (const auto& link : dependencies_)
    ++dependant_starts_[link.node + 1];
  add_up(dependant_starts_);
  dependants_.resize(dependencies_.size());
  next = dependant_starts_;
  for (std::uint32_t from = 0; from < nodes; ++from) {
    for (const auto& link : dependencies(from))
      dependants_[next[link.node]++] = {from, link.soft};
  }
}

std::vector<std::uint32_t> Graph::topological_order() const {
  std::vector<std::uint32_t> missing(size());
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t node = 0; node < size(); ++node) {
    missing[node] = static_cast<std::uint32_t>(dependencies(node).size());
    if (missing[node] == 0) ready.push(node);
  }
  std::vector<std::uint32_t> order;
  order.reserve(size());
  while (!ready.empty()) {
    const auto node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const auto& dependant : dependants(node)) {
      if (--missing[dependant.node] == 0) ready.push(dependant.node);
    }
  }
  return order;
}

std::vector<std::uint32_t> Graph::find_cycle() const {
  const auto order = topological_order();
  if (order.size() == size()) return {};
  std::vector<bool> outside(size(), false);
  for (const auto node : order)
    outside[node] = true;
  // What is left needs something that is left: walking along needs must come around.
  constexpr auto kUnseen = std::numeric_limits<std::uint32_t>::max();
  std::vector<bool> seen(size(), false);
  auto node = static_cast<std::uint32_t>(std::find(outside.begin(), outside.end(), false) - outside.begin());
  while (!seen[node]) {
    seen[node] = true;
    for (const auto& link : dependencies(node)) {
      if (!outside[link.node]) {
        node = link.node;
        break;
      }
    }
  }
  // `node` is on a cycle; the shortest one through it, breadth first.
  std::vector<std::uint32_t> came_from(size(), kUnseen);
  std::queue<std::uint32_t> queue;
  queue.push(node);
  while (!queue.empty()) {
    const auto at = queue.front();
    queue.pop();
    for (const auto& link : dependencies(at)) {
      if (link.node == node) {
        std::vector<std::uint32_t> cycle{at};
        while (cycle.back() != node)
          cycle.push_back(came_from[cycle.back()]);
        std::reverse(cycle.begin(), cycle.end());
        return cycle;
      }
      if (outside[link.node] || came_from[link.node] != kUnseen) continue;
      came_from[link.node] = at;
      queue.push(link.node);
    }
  }
  return {};
}

namespace {

using Visit = std::function<void(std::string_view)>;

void visit_texts(const json::value& value, const Visit& visit) {
  if (const auto* text = value.if_string()) {
    visit(*text);
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array)
      visit_texts(element, visit);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object)
      visit_texts(member.value(), visit);
  }
}

void visit_members(const json::object& object, const Visit& visit) {
  for (const auto& member : object)
    visit_texts(member.value(), visit);
}

void visit_body(const Step& step, const Visit& visit) {
  std::visit(overloaded{[](const PythonStep&) {},
                        [&](const CommandStep& command) {
                          for (const auto& argument : command.run)
                            visit(argument);
                          visit(command.script);
                          visit(command.working_directory);
                          visit(command.standard_input);
                        },
                        [&](const SparkStep& spark) { visit_members(spark.manifest, visit); },
                        [&](const WaitStep& wait) {
                          for (const auto* text : {&wait.duration, &wait.until, &wait.file}) {
                            if (*text) visit(**text);
                          }
                        },
                        [&](const ResourceStep& resource) { visit_members(resource.manifest, visit); },
                        [](const PipelineStep&) {}},
             step.body);
}

}  // namespace

void for_each_template(const Step& step, const Visit& visit) {
  visit_body(step, visit);
  visit_members(step.inputs, visit);
  for (const auto& output : step.outputs)
    visit(output.path);
  if (step.when) visit(*step.when);
  if (step.foreach) visit_texts(step.foreach->items, visit);
  if (step.repeat) {
    visit(step.repeat->until);
    visit_members(step.repeat->carry, visit);
  }
  for (const auto* texts : {&step.environment, &step.secrets, &step.labels}) {
    for (const auto& [name, text] : *texts)
      visit(text);
  }
}

Graph make_graph(std::span<const Step> steps) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (std::size_t i = 0; i < steps.size(); ++i)
    numbers.emplace(steps[i].name.str(), static_cast<std::uint32_t>(i));
  std::vector<Graph::Edge> edges;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto from = static_cast<std::uint32_t>(i);
    const auto add = [&](const std::string& name, bool soft) {
      if (const auto to = numbers.find(name); to != numbers.end()) edges.push_back({from, to->second, soft});
    };
    for (const auto& need : steps[i].needs)
      add(need.str(), false);
    for_each_template(steps[i], [&](std::string_view text) {
      if (text.find("${{") == std::string_view::npos) return;
      const auto read = expression::Template::read(text);
      const auto* parsed = std::get_if<expression::Template>(&read);
      if (parsed == nullptr) return;
      for (const auto& reference : parsed->references()) {
        using enum expression::ReferenceKind;
        if (reference.kind == step_output || reference.kind == step_state) add(reference.step, reference.soft);
      }
    });
  }
  return Graph(steps.size(), edges);
}

}  // namespace stoker::pipeline
