// How the papers are written: one language at a time, blocks in reading order, every figure shown by one rule. For papers/ only.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "planner/papers.h"
#include "report/document.h"

namespace siyu::planner {

/// "66 GB", "1.2 s", "320 ms", "12 servers" / "12 台"; an unknown one in the language's word for it.
std::string show_value(std::optional<double> value, std::string_view unit, report::Language language);
/// "CNY 1,234,567" / "123.5 万元".
std::string show_money(std::optional<double> value, std::string_view currency, report::Language language);
std::string unit_word(std::string_view unit, report::Language language);
std::string unknown_word(report::Language language);
/// "data security" → "Data security".
std::string capitalised(std::string text);

class Pen {
 public:
  Pen(Paper paper, const PaperInput& input, report::Language language);

  const PaperInput& input() const { return input_; }
  report::Language language() const { return language_; }
  bool chinese() const { return language_ == report::Language::kZh; }
  const std::string& say(const Words& words) const { return chinese() ? words.zh : words.en; }
  const std::string& say(const Phrase& phrase) const { return chinese() ? phrase.zh : phrase.en; }
  std::string value(std::optional<double> value, std::string_view unit) const { return show_value(value, unit, language_); }
  std::string number(std::optional<double> number) const { return show_value(number, "", language_); }
  std::string money(std::optional<double> amount) const;
  std::string unknown() const { return unknown_word(language_); }

  /// The figure of any section or of the advice; null when it was not reckoned.
  const Figure* figure(std::string_view id) const;
  std::string figure_value(std::string_view id) const;

  void heading(int level, const Words& words);
  void text(const Words& words);
  void rich(report::Rich text);
  void callout(report::Tone tone, const Words& title, const Words& words);
  void bullets(const std::vector<Words>& items);
  void list(std::vector<report::ListItem> items);
  void steps(const std::vector<Words>& items);
  void chart(report::Chart chart, const Words& caption);
  void key_figures(std::vector<report::KeyFigure> figures);
  void page_break();

  struct Column {
    Words title;
    double width = 0;
    bool number = false;
  };
  /// Empty cells become a dash, so that none looks forgotten.
  void table(const std::vector<Column>& columns, std::vector<report::Row> rows, const Words& caption = {});

  /// The mark of a source in the list at the end; sources of the house are said in words instead.
  report::Rich source(const Phrase& source);
  /// All figures with formula and inputs.
  void appendix(const std::vector<FigureSection>& sections);
  /// Date, assumptions, what is missing.
  void basis();

  report::Document finish() { return std::move(document_); }

 private:
  const Figure* figure_of(const FigureSection& section, std::string_view id) const;
  void figure_table(const FigureSection& section);
  int numbered(const std::string& source);

  const PaperInput& input_;
  report::Language language_;
  report::Document document_;
};

/// The sections given, then the advice's own figures.
std::vector<FigureSection> all_sections(const PaperInput& input);
/// What was not given, each once.
std::vector<Words> not_given(const PaperInput& input);

/// The budget that the scenario gives for the purchase against the prices of the bill.
enum class Budget { kKept, kDoubtful, kExceeded, kUnknown };  ///< doubtful: the range of the prices reaches beyond it
struct BudgetCheck {
  Budget verdict = Budget::kUnknown;
  Words text;
};
std::optional<BudgetCheck> check_budget(const PaperInput& input);  ///< absent: no budget was given

void write_alignment(Pen& pen);
void write_sizing(Pen& pen);
void write_bill(Pen& pen);
void write_responsibilities(Pen& pen);
void write_project(Pen& pen);
void write_risks(Pen& pen);
void write_cost(Pen& pen);

/// Shared by several papers.
void mode_tables(Pen& pen);
report::Chart step_chart(const Pen& pen);
Words step_caption(const Pen& pen);
report::Chart task_chart(const Pen& pen);
std::string days(const Pen& pen, double from, double to);
/// What the check says; nothing without a budget.
void budget_line(Pen& pen);
/// "Month 23"; not reached when both sides are known, else unknown.
std::string month_word(const Pen& pen, const PaperCost& cost);
/// 0 for Monday to 6 of a YYYY-MM-DD; absent when it is none.
std::optional<int> weekday_of(const std::string& date);

}  // namespace siyu::planner
