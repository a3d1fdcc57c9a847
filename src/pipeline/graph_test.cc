#include "pipeline/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <random>

namespace stoker::pipeline {
namespace {

using Nodes = std::vector<std::uint32_t>;

TEST(Graph, MergesEdgesAndHardWins) {
  const Graph graph(3, {{2, 0, true}, {2, 0, false}, {2, 1, true}, {2, 1, true}, {1, 0, false}});
  const std::vector<Graph::Link> needs(graph.dependencies(2).begin(), graph.dependencies(2).end());
  EXPECT_EQ(needs, (std::vector<Graph::Link>{{0, false}, {1, true}}));
  const std::vector<Graph::Link> needed(graph.dependants(0).begin(), graph.dependants(0).end());
  EXPECT_EQ(needed, (std::vector<Graph::Link>{{1, false}, {2, false}}));
  EXPECT_TRUE(graph.dependencies(0).empty());
}

TEST(Graph, OrderFollowsTheDocumentWhereItMay) {
  EXPECT_EQ(Graph(4, {{0, 3, false}, {1, 3, false}}).topological_order(), (Nodes{2, 3, 0, 1}));
  EXPECT_EQ(Graph(0, {}).topological_order(), Nodes{});
  EXPECT_TRUE(Graph(4, {{0, 3, false}}).find_cycle().empty());
}

TEST(Graph, FindsAShortCycle) {
  EXPECT_EQ(Graph(2, {{1, 1, false}}).find_cycle(), Nodes{1});
  const auto cycle =
      Graph(6, {{0, 1, false}, {1, 2, false}, {2, 3, false}, {3, 1, false}, {3, 4, false}, {5, 3, false}}).find_cycle();
  EXPECT_EQ(cycle, (Nodes{1, 2, 3}));
}

TEST(Graph, RandomGraphsAgreeWithTheDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t nodes = 1 + random() % 12;
    std::vector<Graph::Edge> edges(random() % 20);
    for (auto& edge : edges)
      edge = {static_cast<std::uint32_t>(random() % nodes), static_cast<std::uint32_t>(random() % nodes),
              random() % 2 == 0};
    const Graph graph(nodes, edges);
    const auto order = graph.topological_order();
    const auto cycle = graph.find_cycle();
    EXPECT_EQ(order.size() == nodes, cycle.empty());
    Nodes place(nodes, 0);
    for (std::size_t i = 0; i < order.size(); ++i)
      place[order[i]] = static_cast<std::uint32_t>(i);
    const auto has_edge = [&](std::uint32_t from, std::uint32_t to) {
      return std::any_of(edges.begin(), edges.end(),
                         [&](const auto& edge) { return edge.from == from && edge.to == to; });
    };
    if (cycle.empty()) {
      for (const auto& edge : edges)
        EXPECT_GT(place[edge.from], place[edge.to]);
    }
    for (std::size_t i = 0; i < cycle.size(); ++i)
      EXPECT_TRUE(has_edge(cycle[i], cycle[(i + 1) % cycle.size()]));
  }
}

Step step(std::string name, json::object inputs = {}, std::vector<std::string> needs = {}) {
  Step result{.name = StepName(std::move(name))};
  result.inputs = std::move(inputs);
  for (auto& need : needs)
    result.needs.emplace_back(std::move(need));
  return result;
}

TEST(Graph, EdgesComeFromNeedsAndReferences) {
  std::vector<Step> steps{
      step("a"), step("b", {{"x", json::array{"${{ steps.a.outputs.y }}", 3}}}), step("c", {}, {"a"}),
      step("d", {{"x", "${{ one_of(steps.b.outputs.y, steps.c.outputs.y) }}"}}, {"gone"}), step("e")};
  steps[4].when = "${{ steps.d.outputs.z > 1 }}";
  steps[4].body = CommandStep{.script = "echo ${{ steps.b.outputs.z }} $${{ steps.a.outputs.x }}"};
  const auto graph = make_graph(steps);
  const auto needs = [&](std::uint32_t node) {
    return std::vector<Graph::Link>(graph.dependencies(node).begin(), graph.dependencies(node).end());
  };
  using Links = std::vector<Graph::Link>;
  EXPECT_EQ(needs(1), (Links{{0, false}}));
  EXPECT_EQ(needs(2), (Links{{0, false}}));
  EXPECT_EQ(needs(3), (Links{{1, true}, {2, true}}));
  EXPECT_EQ(needs(4), (Links{{1, false}, {3, false}}));
}

TEST(Graph, AHundredThousandStepsTakeNoTime) {
  constexpr std::uint32_t kSteps = 100'000;
  std::vector<Graph::Edge> chain, fan;
  for (std::uint32_t i = 1; i < kSteps; ++i) {
    chain.push_back({i, i - 1, false});
    fan.push_back({i, 0, false});
    if (i + 1 < kSteps) fan.push_back({kSteps - 1, i, false});
  }
  const auto start = std::clock();
  EXPECT_EQ(Graph(kSteps, chain).topological_order().back(), kSteps - 1);
  EXPECT_EQ(Graph(kSteps, fan).topological_order().back(), kSteps - 1);
  chain.push_back({0, kSteps - 1, false});
  EXPECT_EQ(Graph(kSteps, chain).find_cycle().size(), kSteps);
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 5);  // generous: sanitizers; a Release build takes 0.05 s
}

}  // namespace
}  // namespace stoker::pipeline
