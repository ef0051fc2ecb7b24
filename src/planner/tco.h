// Total cost of ownership: buying against paying by token against both. A price that nobody gave and the catalogue does not have stays
// unknown: what depends on it has no value, and `missing` says what to give.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "planner/catalogue.h"
#include "planner/fleet.h"
#include "planner/scenario.h"
#include "planner/worksheet.h"

namespace siyu::planner {

/// What stands in the machine room during a year. What a year has more than any before it is bought at its beginning.
struct HardwareYear {
  double cards = 0, servers = 0;
};
BOOST_DESCRIBE_STRUCT(HardwareYear, (), (cards, servers))

/// One per whole year of the horizon: the fleet as it must be at the end of each year, or at its beginning where use shrinks.
std::vector<HardwareYear> hardware_of(const FleetPlan& fleet, double years);

/// Tokens of the first year; a day has 365 of them.
struct TokensPerDay {
  double input = 0;   ///< prompt tokens, cached ones included
  double cached = 0;  ///< of the input, that the cloud bills as cached
  double output = 0;
};
BOOST_DESCRIBE_STRUCT(TokensPerDay, (), (input, cached, output))

/// Of today's load, when its day is known and not only its peak.
std::optional<TokensPerDay> tokens_of(const FleetPlan& fleet);

/// Of `inputs`: card_price is of a card, server_price of a server without its cards, network_price of a server's share of the network, and
/// storage_price of all storage, bought once. A price that is part of another is given as 0.
struct CostQuestion {
  CostInputs inputs;                                         ///< currency default: CNY
  std::string card;                                          ///< name in the catalogue; its price and power come from there when not given
  std::vector<HardwareYear> hardware;                        ///< the last one holds for the years after it
  std::optional<std::vector<HardwareYear>> hybrid_hardware;  ///< absent: the local share of `hardware`, rounded up to whole replicas and servers
  std::uint32_t cards_per_replica = 1;
  TokensPerDay tokens;
  double growth_per_year = 0;          ///< of the tokens, at the beginning of each year; negative: use shrinks
  double years = 3;                    ///< horizon: whole months, 1 month to 15 years
  std::optional<double> card_power_w;  ///< absent: the catalogue's
  double server_power_w = 800;         ///< of a server without its cards
  double rack_units_per_server = 4;
  double utilisation = 0.6;                 ///< mean share of the rated power drawn
  std::optional<std::string> tariff;        ///< name of a tariff of the catalogue, when price_per_kwh is absent; absent: the middle one in the currency
  std::optional<std::string> cloud_period;  ///< of the cloud price, where the vendor has several ("off peak"); a part of it is enough
};

/// What the catalogue says that a card costs.
struct ListedPrice {
  PurchasePrice entry;
  std::optional<double> rate;  ///< units of the plan's currency for one of the entry's; absent: it cannot be converted with what was given
};
/// The entry in the plan's own currency before others, and one that can be converted before one that cannot. Absent: no price is listed.
std::optional<ListedPrice> listed_price(const Catalogue& catalogue, std::string_view card, const CostInputs& inputs);

/// An amount of money with its range; no value: a price it needs is not known.
struct Amount {
  std::optional<double> low, base, high;
};
BOOST_DESCRIBE_STRUCT(Amount, (), (low, base, high))

/// The parts of what owning costs in a year, cash unless said otherwise.
struct OwnedYear {
  std::optional<double> purchase;  ///< at the year's beginning
  std::optional<double> power, rack, staff, support;
  std::optional<double> sold;          ///< what the hardware brings at the end of the horizon
  std::optional<double> cash;          ///< purchase + power + rack + staff + support − sold
  std::optional<double> depreciation;  ///< straight line: no cash
  std::optional<double> book;          ///< depreciation + power + rack + staff + support
};
BOOST_DESCRIBE_STRUCT(OwnedYear, (), (purchase, power, rack, staff, support, sold, cash, depreciation, book))

struct CostYear {
  std::uint32_t year = 0;  ///< 1: the first
  double input_tokens = 0, output_tokens = 0;
  OwnedYear on_premise;
  std::optional<double> cloud, hybrid;  ///< cash
};
BOOST_DESCRIBE_STRUCT(CostYear, (), (year, input_tokens, output_tokens, on_premise, cloud, hybrid))

struct CostMode {
  Amount total;                                   ///< cash over the horizon, less what is sold at its end
  Amount npv;                                     ///< of the same, discounted monthly at the yearly rate
  std::optional<double> per_million_tokens;       ///< total over all tokens in and out
  std::vector<std::optional<double>> cumulative;  ///< cash at the end of each month; [0]: what is bought at the beginning
};
BOOST_DESCRIBE_STRUCT(CostMode, (), (total, npv, per_million_tokens, cumulative))

/// How far one input moves the answer.
struct Sensitivity {
  std::string input;
  Words label;
  double low = 0, base = 0, high = 0;                            ///< of the input
  double advantage_low = 0, advantage_high = 0;                  ///< NPV of cloud − NPV of on-premise with it
  std::optional<std::uint32_t> break_even_low, break_even_high;  ///< month; absent: not within the horizon
};
BOOST_DESCRIBE_STRUCT(Sensitivity, (), (input, label, low, base, high, advantage_low, advantage_high, break_even_low, break_even_high))

struct MissingPrice {
  std::string input;  ///< field of CostInputs, or of the question
  Words what;
};
BOOST_DESCRIBE_STRUCT(MissingPrice, (), (input, what))

struct CostPlan {
  std::string currency;
  std::uint32_t months = 0;
  CostMode on_premise, cloud, hybrid;
  std::vector<CostYear> years;
  std::optional<double> advantage;                ///< NPV of cloud − NPV of on-premise; positive: owning is cheaper
  std::optional<std::uint32_t> break_even_month;  ///< from its end on owning has cost no more than the cloud, to the horizon's end
  Words break_even;                               ///< the same in words: also "never within 36 months", "not known"
  std::optional<double> affordable_purchase;      ///< the first purchase at which both NPVs would be equal; negative: not even as a gift
  std::vector<Sensitivity> sensitivities;         ///< widest first
  std::vector<MissingPrice> missing;
  std::vector<Words> notes;
  std::vector<Figure> figures;
};
BOOST_DESCRIBE_STRUCT(CostPlan, (),
                      (currency, months, on_premise, cloud, hybrid, years, advantage, break_even_month, break_even, affordable_purchase, sensitivities, missing, notes,
                       figures))

/// A cloud price or a tariff that was named and cannot be converted is refused: the error asks for `exchange_rate`. A card's listed price that
/// cannot be converted is not known, and a note says what to give.
Result<CostPlan> total_cost(const CostQuestion& question, const Catalogue& catalogue);

/// A step along the curve of diminishing returns: what the next larger model adds, for how much more.
struct QualityStep {
  std::string name;
  double parameters = 0, quality = 0, relative_cost = 0;
  std::optional<double> gain;           ///< quality over the cheaper neighbour's; absent on the first
  std::optional<double> gain_per_cost;  ///< of one further unit of relative cost
  bool knee = false;                    ///< where quality − worth × relative cost is highest: on a curve that flattens, the last step that is worth it
};
BOOST_DESCRIBE_STRUCT(QualityStep, (), (name, parameters, quality, relative_cost, gain, gain_per_cost, knee))

struct QualityCurve {
  std::vector<QualityStep> steps;  ///< cheapest first
  double worth = 0;                ///< quality points that one further unit of relative cost must bring
  Words advice;
  std::vector<Figure> figures;
};
BOOST_DESCRIBE_STRUCT(QualityCurve, (), (steps, worth, advice, figures))

/// `points` as in catalogue/quality.yaml, in any order: dearer ones must not be smaller. `worth`: see QualityCurve.
Result<QualityCurve> diminishing_returns(const std::vector<QualityPoint>& points, double worth = 1);

}  // namespace siyu::planner
