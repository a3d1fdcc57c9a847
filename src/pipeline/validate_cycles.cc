// Steps that need each other, and sub-pipelines that contain each other.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "pipeline/document_tree.h"
#include "pipeline/graph.h"

namespace stoker::pipeline {

namespace {

// Independent cycles that one list of steps reports.
constexpr int kMaximumCycles = 5;

void report_cycle(const PipelineNode& node, const JsonPath& root, const std::vector<Step>& steps,
                  const std::vector<StepSite>& sites, const std::vector<std::uint32_t>& cycle, Reporter& reporter) {
  constexpr std::size_t kShown = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(cycle.size(), kShown); ++i)
    text += steps[cycle[i]].name.str() + " -> ";
  if (cycle.size() > kShown) text += fmt::format("({} more) -> ", cycle.size() - kShown);
  text += steps[cycle[0]].name.str();
  const auto& site = sites[cycle[0]];
  const auto list = root.member(site.member, root.value->get_object().at(site.member));
  const auto path = list.element(site.index, *site.value);
  const auto report = [&](const JsonPath& at) {
    reporter.at_value(
        *node.source, at, "the steps form a cycle: " + text,
        cycle.size() == 1 ? "a step cannot need itself" : "each needs the next one: remove one of the references");
  };
  if (const auto* name = site.value->get_object().if_contains("name")) {
    report(path.member("name", *name));
  } else {
    report(path);
  }
}

void check_list(const PipelineNode& node, const std::vector<Step>& steps, const std::vector<StepSite>& sites,
                Reporter& reporter) {
  if (steps.empty()) return;
  auto graph = make_graph(steps);
  for (int round = 0; round < kMaximumCycles; ++round) {
    auto cycle = graph.find_cycle();
    if (cycle.empty()) return;
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    report_cycle(node, node.root(), steps, sites, cycle, reporter);
    std::vector<bool> in_cycle(graph.size(), false);
    for (const auto step : cycle)
      in_cycle[step] = true;
    std::vector<Graph::Edge> rest;
    for (std::uint32_t from = 0; from < graph.size(); ++from) {
      if (in_cycle[from]) continue;
      for (const auto& link : graph.dependencies(from))
        rest.push_back({from, link.node, link.soft});
    }
    graph = Graph(steps.size(), rest);
  }
}

// Calls visit(step, site) for the steps that run a sub-pipeline.
template <class Visit>
void for_each_call(const PipelineNode& node, const Visit& visit) {
  const auto go = [&](const std::vector<Step>& steps, const std::vector<StepSite>& sites) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (const auto* body = std::get_if<PipelineStep>(&steps[i].body)) visit(body->pipeline, sites[i]);
    }
  };
  go(node.pipeline.steps, node.step_sites);
  go(node.pipeline.finally, node.finally_sites);
}

}  // namespace

void check_cycles(const PipelineNode& node, Reporter& reporter) {
  check_list(node, node.pipeline.steps, node.step_sites, reporter);
  check_list(node, node.pipeline.finally, node.finally_sites, reporter);
}

// A sub-pipeline that runs itself, directly or through others, would never end.
void check_recursion(const DocumentTree& tree, Reporter& reporter) {
  std::unordered_map<const PipelineNode*, std::uint32_t> numbers;
  for (const auto& node : tree.nodes)
    numbers.emplace(&node, static_cast<std::uint32_t>(numbers.size()));
  std::vector<Graph::Edge> edges;
  for (const auto& node : tree.nodes) {
    for_each_call(node, [&](const std::string& name, const StepSite&) {
      if (const auto* sub = node.find(name)) edges.push_back({numbers.at(&node), numbers.at(sub), false});
    });
  }
  auto cycle = Graph(tree.nodes.size(), edges).find_cycle();
  if (cycle.empty()) return;
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  std::string text;
  for (const auto number : cycle)
    text += tree.nodes[number].key + " -> ";
  text += tree.nodes[cycle[0]].key;
  const auto& node = tree.nodes[cycle[0]];
  const auto* next = &tree.nodes[cycle[cycle.size() > 1 ? 1 : 0]];
  bool reported = false;
  for_each_call(node, [&](const std::string& name, const StepSite& site) {
    if (reported || node.find(name) != next) return;
    reported = true;
    const auto root = node.root();
    const auto list = root.member(site.member, root.value->get_object().at(site.member));
    const auto step = list.element(site.index, *site.value);
    reporter.at_value(*node.source, step.member("pipeline", site.value->get_object().at("pipeline")),
                      "a sub-pipeline contains itself: " + text);
  });
}

}  // namespace stoker::pipeline
