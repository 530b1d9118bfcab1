#pragma once

#include "scoring/metric.h"

// The metrics of the catalogue (scoring/metric.cc), one file a family.
namespace podium::scoring {

// classification.cc
Graded<double> Accuracy(const MetricInput& in);
Graded<double> ErrorRate(const MetricInput& in);
Graded<double> F1Macro(const MetricInput& in);
Graded<double> QuadraticWeightedKappa(const MetricInput& in);
Graded<double> MatthewsCorrelation(const MetricInput& in);
Graded<double> ProbabilisticF1(const MetricInput& in);
// roc_auc.cc
Graded<double> RocAuc(const MetricInput& in);
Graded<double> RocAucMean(const MetricInput& in);
Graded<double> WeightedAuc(const MetricInput& in);
// log_loss.cc
Graded<double> LogLoss(const MetricInput& in);
Graded<double> LogLossBinary(const MetricInput& in);
Graded<double> KlDivergence(const MetricInput& in);
Graded<double> FractureLogLoss(const MetricInput& in);
// regression.cc
Graded<double> Rmse(const MetricInput& in);
Graded<double> Mae(const MetricInput& in);
Graded<double> MaeRounded(const MetricInput& in);
Graded<double> RmsleMean(const MetricInput& in);
Graded<double> Mcrmse(const MetricInput& in);
Graded<double> GroupLogMae(const MetricInput& in);
Graded<double> AngularError(const MetricInput& in);
// correlation.cc
Graded<double> Pearson(const MetricInput& in);
Graded<double> SpearmanMean(const MetricInput& in);
// word_sets.cc
Graded<double> TagF1Micro(const MetricInput& in);
Graded<double> TagF1Mean(const MetricInput& in);
Graded<double> MapAtK(const MetricInput& in);
Graded<double> WordJaccard(const MetricInput& in);
Graded<double> KendallOrder(const MetricInput& in);
// levenshtein.cc
Graded<double> LevenshteinMean(const MetricInput& in);
Graded<double> SequenceErrorRate(const MetricInput& in);
// one metric a file
Graded<double> HaversineQuantiles(const MetricInput& in);
Graded<double> JigsawBias(const MetricInput& in);
Graded<double> LabelRankingPrecision(const MetricInput& in);
Graded<double> LaplaceLikelihood(const MetricInput& in);
Graded<double> LifeForwardMae(const MetricInput& in);
Graded<double> SpanF1(const MetricInput& in);
Graded<double> TopKHits(const MetricInput& in);
// position_pairs.cc
Graded<double> MaskedMcrmse(const MetricInput& in);
Graded<double> RocAucByPosition(const MetricInput& in);

}  // namespace podium::scoring
