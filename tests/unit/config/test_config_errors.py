"""Every fault of the YAML is one line that names the file, the key, the value and the mend."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from homeoanalysis.config import yaml
from homeoanalysis.config.loading import load_config
from homeoanalysis.config.model import PRESENTATIONS
from homeoanalysis.errors import ConfigError

C, S, R, M, T = "config.yaml", "studies/demo.yaml", "recordings/culture.yaml", "models/net.yaml", "models/twin.yaml"
RUN = "title: A network\nduration: 10 s"
LATE = "epoch: after, reference: before"
FOLDER = "{folder: recordings}"
MERGED = "a: &a0 {k0: 1, k1: 1}\n" + "".join(f"b{k}: &a{k + 1} {{<<: [{', '.join([f'*a{k}'] * 10)}]}}\n" for k in range(8))
BOMB = "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}' if k else 'x'] * 10)}]\n" for k in range(9))

# name: file, text in it, what is put in its place, pieces of the one line that comes out
CASES: dict[str, tuple[str, str, str, list[str]]] = {
    # keys
    "unknown key of config": (
        C,
        "seed: 1",
        "seed: 1\nsede: 2",
        ["sede is not a key", "did you mean 'seed'", "known: seed, size, studies"],
    ),
    "unknown key of a study": (S, "targets:", "target: {}\ntargets:", ["target is not a key", "did you mean 'targets'"]),
    "unknown key of a replicate": (
        R,
        "factors: {age: 7}",
        "factors: {age: 7}, sesion: x",
        ["replicates.a.sesion", "did you mean 'session'"],
    ),
    "unknown key of a population": (
        M,
        "{n: 10, cell_type: E",
        "{n: 10, celltype: E",
        ["populations.E.celltype", "did you mean 'cell_type'"],
    ),
    "unknown parameter of a rule": (
        M,
        "target_rate",
        "targt_rate",
        ["plasticity.0.inhibitory_stdp.targt_rate", "did you mean 'target_rate'"],
    ),
    "unknown parameter of a metric": (S, "firing_rate: {}", "firing_rate: {bin: 1 s}", ["metrics.firing_rate.bin is not a key"]),
    "unknown key in a size": (M, "{replicates: 4}", "{replicats: 4}", ["(size full) replicats", "did you mean 'replicates'"]),
    "unknown size": (M, "full: {", "huge: {", ["sizes.huge", "'ci', 'nightly' or 'full'"]),
    "missing key": (R, "citation: Somebody 2020\n", "", ["citation is missing; add it"]),
    "missing key, nested": (M, "    source: I\n", "", ["projections.inhibition.source is missing"]),
    "missing parameter": (S, "{bin_size: 1 s}", "{}", ["metrics.population_rate.bin_size is missing"]),
    "empty value": (S, "firing_rate: {}", "firing_rate:", ["metrics.firing_rate is empty", "{}"]),
    "list for a mapping": (M, "  full: {replicates: 4}", "  - full", ["sizes is ['full'], not a mapping"]),
    "text for a list": (S, "recordings: [culture]", "recordings: culture", ["recordings is 'culture', not a list"]),
    "number for text": (C, "[demo]", "[1]", ["studies.0 is 1, not text", "quotes"]),
    "date for text": (R, "title: A culture", "title: 2020-01-01", ["title is datetime.date(2020, 1, 1), not text"]),
    "a key that is read as false": (M, "  outside:", "  off:", ["line 18", "the key 'off' is read as False", "quotes"]),
    # quantities
    "wrong unit": (M, "delay: 1 ms", "delay: 1 mV", ["projections.inhibition.delay is '1 mV', not a time; write e.g. '20 ms'"]),
    "delay without bounds": (
        M,
        "delay: 1 ms",
        "delay: {normal: {mean: 1 ms, sd: 0.1 ms}}",
        ["inhibition.delay is {'normal'", "delays need bounds", "{uniform: {low: 0.5 ms, high: 2 ms}}"],
    ),
    "delays from nothing": (
        M,
        "delay: 1 ms",
        "delay: {uniform: {low: 0 ms, high: 2 ms}}",
        ["inhibition.delay is {'uniform'", "greater than 0"],
    ),
    "drawn delays off the grid": (
        M,
        "delay: 1 ms",
        "delay: {uniform: {low: 1 ms, high: 2.05 ms}}",
        ["inhibition.delay.high is 0.00205 s", "no whole number of time steps"],
    ),
    "distribution with a wrong unit": (
        M,
        "20 ms}}",
        "{normal: {mean: 20 ms, sd: 2 mV}}}}",
        ["populations.I.neuron.lif_conductance.tau_membrane is '2 mV', not a time"],
    ),
    "distribution unknown": (
        M,
        "20 ms}}",
        "{norml: {mean: 20 ms, sd: 2 ms}}}}",
        ["lif_conductance.tau_membrane is 'norml', which is no distribution", "did you mean 'normal'"],
    ),
    "distribution of a weight without its width": (
        M,
        "    weight: 1 nS",
        "    weight: {normal: {mean: 1 nS}}",
        ["inhibition.weight is normal with {'mean': '1 nS'}", "it takes high, low, mean, sd"],
    ),
    "empty weight": (M, "    weight: 1 nS", "    weight:", ["inhibition.weight is empty", "with its unit"]),
    "channel unknown": (
        M,
        "E, neuron: lif_conductance",
        "E, neuron: lif_conductance, channels: {exitatory: delta}",
        ["populations.E.channels.exitatory is no channel of lif_conductance", "did you mean 'excitatory'"],
    ),
    "synapse unknown": (
        M,
        "E, neuron: lif_conductance",
        "E, neuron: lif_conductance, channels: {excitatory: {expo: {tau: 5 ms}}}",
        ["populations.E.channels.excitatory is 'expo', which is not in synapses/"],
    ),
    "synapse of another kind": (
        M,
        "E, neuron: lif_conductance",
        "E, neuron: lif_conductance, channels: {excitatory: delta}",
        ["populations.E.channels.excitatory is delta, but the channel of lif_conductance", "it cannot take delta"],
    ),
    "time constants of a synapse swapped": (
        M,
        "E, neuron: lif_conductance",
        "E, neuron: lif_conductance, channels: {excitatory: {double_exponential: {tau_rise: 5 ms, tau_decay: 2 ms}}}",
        ["populations.E.channels.excitatory.tau_rise is 0.005 s, not below tau_decay, 0.002 s", "swap them"],
    ),
    "wrong unit of a parameter": (
        M,
        "20 ms}}",
        "20 mV}}",
        ["populations.I.neuron.lif_conductance.tau_membrane is '20 mV', not a time"],
    ),
    "wrong unit of a weight": (
        M,
        "    weight: 1 nS",
        "    weight: 1 mV",
        ["inhibition.weight is '1 mV', not a conductance", "3 nS"],
    ),
    "missing unit": (M, RUN, "title: x\nduration: 10", ["duration is 10, which has no unit", "'20 ms'"]),
    "missing unit of a weight": (
        M,
        "    weight: 1 nS",
        "    weight: 1",
        ["projections.inhibition.weight is 1, which has no unit; write a quantity with its unit, e.g. '0.5 nS'"],
    ),
    "missing unit of a bound": (
        M,
        "    weight_max: 10 nS",
        "    weight_max: 10.5",
        ["projections.inhibition.weight_max is 10.5, which has no unit", "'0.5 nS'"],
    ),
    "missing unit of the weight of an input": (
        M,
        "rate: 100 Hz, weight: 1 nS",
        "rate: 100 Hz, weight: 1",
        ["protocols.outside.poisson_input.weight is 1, which has no unit", "'0.5 nS'"],
    ),
    "missing unit in quotes": (M, RUN, "title: x\nduration: '10'", ["duration is '10', not a time"]),
    "unknown unit": (M, RUN, "title: x\nduration: 10 parsec", ["duration is '10 parsec'", "unknown unit 'parsec'"]),
    "too large a quantity": (M, RUN, "title: x\nduration: 1e400 s", ["duration is '1e400 s', which is too large"]),
    "longer than any recording": (R, "duration: 100 s", "duration: 1e30 s", ["duration is '1e30 s'", "at most 100 years"]),
    "code in a quantity": (M, RUN, "title: x\nduration: __import__('os').getpid() s", ["duration is", "not a time"]),
    # numbers
    "probability above one": (
        M,
        "probability: 0.2",
        "probability: 1.2",
        ["fixed_probability.probability is 1.2", "less than or equal to 1"],
    ),
    "probability not a number": (M, "probability: 0.2", "probability: .nan", ["fixed_probability.probability is nan"]),
    "no neurons": (M, "n: 10, cell", "n: 0, cell", ["populations.E.n is 0", "greater than or equal to 1"]),
    "half a neuron": (M, "n: 10, cell", "n: 10.5, cell", ["populations.E.n is 10.5, not a whole number"]),
    "negative delay": (M, "delay: 1 ms", "delay: -1 ms", ["inhibition.delay is '-1 ms'", "greater than 0"]),
    "delay off the grid": (
        M,
        "delay: 1 ms",
        "delay: 0.15 ms",
        ["inhibition.delay is 0.00015 s", "no whole number of time steps", "dt"],
    ),
    "negative time constant": (M, "20 ms}}", "-20 ms}}", ["lif_conductance.tau_membrane is '-20 ms'", "greater than 0"]),
    "no capacitance": (
        M,
        "tau_membrane: 20 ms}}",
        "capacitance: 0 pF}}",
        ["lif_conductance.capacitance is '0 pF'", "greater than 0"],
    ),
    "negative refractory time": (M, "tau_membrane: 20 ms}}", "refractory: -1 ms}}", ["lif_conductance.refractory is '-1 ms'"]),
    "negative weight": (M, "    weight: 1 nS", "    weight: -1 nS", ["inhibition.weight is '-1 nS'", "remove the minus"]),
    "run too long": (M, RUN, "title: x\nduration: 1e9 s", ["duration is 1e+09 s", "shorten it"]),
    "negative seed": (C, "seed: 1", "seed: -1", ["seed is -1", "greater than or equal to 0"]),
    "seed too large": (
        C,
        "seed: 1",
        "seed: 9223372036854775808",
        ["seed is 9223372036854775808", "less than 9223372036854775808"],
    ),
    "blocks without number": (
        S,
        "targets:",
        "resampling: {block: 1 ns}\ntargets:",
        ["resampling.block is 1e-09 s; write 1 ms or more"],
    ),
    "seed not whole": (C, "seed: 1", "seed: 1.5", ["seed is 1.5, not a whole number"]),
    "seed a boolean": (C, "seed: 1", "seed: true", ["seed is True, not a whole number"]),
    "size unknown": (C, "seed: 1", "seed: 1\nsize: huge", ["size is 'huge'", "'ci', 'nightly' or 'full'"]),
    "too few draws": (S, "targets:", "resampling: {draws: 5}\ntargets:", ["resampling.draws is 5", "20"]),
    "level of a factor not a number": (R, "{age: 7}", "{age: .nan}", ["replicates.a.factors.age is nan", "text or a number"]),
    "level of a factor a boolean": (R, "{age: 7}", "{age: yes}", ["replicates.a.factors.age is True", "quotes"]),
    # epochs
    "epoch outside the recording": (
        R,
        "[60 s, 100 s]",
        "[60 s, 101 s]",
        ["epochs.after is [60 s, 101 s]", "100 s", "mend duration"],
    ),
    "epoch reversed": (R, "[60 s, 100 s]", "[100 s, 60 s]", ["epochs.after is [100 s, 60 s], which ends before it starts"]),
    "epoch outside the run": (M, "[6 s, 10 s]", "[6 s, 11 s]", ["epochs.after is [6 s, 11 s]", "run of 10 s", "raise duration"]),
    "epoch of the run reversed": (M, "[6 s, 10 s]", "[9 s, 6 s]", ["epochs.after is [9 s, 6 s]"]),
    "epoch with one end": (M, "[6 s, 10 s]", "[6 s]", ["epochs.after.1 is missing", "two values"]),
    # catalogues
    "unknown rule": (
        M,
        "inhibitory_stdp",
        "inhibitory_sdtp",
        ["plasticity.0 is 'inhibitory_sdtp'", "plasticity/", "did you mean 'inhibitory_stdp'"],
    ),
    "unknown neuron": (
        M,
        "E, neuron: lif_",
        "E, neuron: lf_",
        ["populations.E.neuron is 'lf_conductance'", "did you mean 'lif_conductance'"],
    ),
    "unknown topology": (
        M,
        "fixed_probability",
        "fixed_probabilty",
        ["inhibition.topology is 'fixed_probabilty'", "did you mean"],
    ),
    "unknown protocol": (
        M,
        "poisson_input",
        "poison_input",
        ["protocols.outside is 'poison_input'", "did you mean 'poisson_input'"],
    ),
    "unknown metric": (
        S,
        "population_rate.fine",
        "population_rat.fine",
        ["metrics.population_rat.fine is 'population_rat'", "did you mean"],
    ),
    "a number that YAML reads as text": (
        S,
        "{metrics: [firing_rate], " + LATE + "}",
        "{metrics: [firing_rate], " + LATE + ", equivalence: {margin: 1e-5}}",
        ["contrasts.late.equivalence.margin is '1e-5', not a number", "YAML reads it as text, write 1.0e-5"],
    ),
    "a curve with one point": (
        S,
        "targets:",
        "published: {f: {title: a, citation: b, curves: {c: {title: d, axis: x (1), points: [{x: 1}]}}}}\ntargets:",
        ["published.f.curves.c.points is [{'x': 1}]; name at least two"],
    ),
    "unknown figure": (S, "targets:", "figures: [nope]\ntargets:", ["figures.0 is 'nope', which is not in figures/"]),
    "unknown reader": (R, "mea_hdf5", "mea_hdf", ["reader is 'mea_hdf'", "did you mean 'mea_hdf5'"]),
    "unknown fix": (R, "mea_hdf5", "mea_hdf5\nfixes: [sound]", ["fixes.0 is 'sound', which is not in fixes/"]),
    "unknown class of neo": (
        R,
        "mea_hdf5",
        "{any_neo: {io: AxonOI}}",
        ["reader.any_neo.io is 'AxonOI'", "did you mean 'AxonIO'"],
    ),
    "class of neo that runs code": (
        R,
        "mea_hdf5",
        "{any_neo: {io: PickleIO}}",
        ["reader.any_neo.io is 'PickleIO'", "executes code"],
    ),
    "two readers": (R, "mea_hdf5", "{mea_hdf5: {}, spike_text: {}}", ["reader is {", "write one name of readers/"]),
    "path for an entry": (R, "mea_hdf5", "../fixes/x", ["reader is '../fixes/x', which is not in readers/"]),
    "label with a slash": (S, "population_rate.fine", "population_rate.a/b", ["'a/b'", "letters, digits"]),
    # inside a model
    "unknown population": (
        M,
        "    target: E",
        "    target: EE",
        ["inhibition.target is 'EE', which is no population", "did you mean 'E'"],
    ),
    "unknown channel": (M, "channel: inhibitory", "channel: inhibitry", ["channel is 'inhibitry'", "did you mean 'inhibitory'"]),
    "protocol for an unknown population": (
        M,
        "{population: E,",
        "{population: X,",
        ["protocols.outside.population is 'X'", "known: E, I"],
    ),
    "plastic without a bound": (M, "    weight_max: 10 nS\n", "", ["inhibition.weight_max is missing", "upper bound"]),
    "rule of weights at a neuron": (
        M,
        "lif_conductance}\n",
        "lif_conductance, plasticity: [inhibitory_stdp]}\n",
        ["populations.E.plasticity", "under a projection"],
    ),
    "fitted to an unknown metric": (M, "fitted: [firing_rate]", "fitted: [rate]", ["fitted names 'rate', which is no metric"]),
    "base unknown": (T, "base: net", "base: nett", ["base is 'nett'", "did you mean 'net'"]),
    "base in a circle": (T, "base: net", "base: twin", ["base leads in a circle: twin -> twin"]),
    "base not a name": (T, "base: net", "base: [net]", ["base is ['net']", "one model"]),
    # the files of a recording
    "http": (R, FOLDER, "{url: 'http://example.org/'}", ["source.url is 'http://example.org/'", "https://"]),
    "two sources": (
        R,
        FOLDER,
        "{package: p, url: 'https://example.org/'}",
        ["source has package and url, which say two places", "write one of"],
    ),
    "no source": (R, FOLDER, "{}", ["source has nothing", "package, url or folder"]),
    "a path in the package": (R, FOLDER, "{package: nitime./etc}", ["source.package is 'nitime./etc'", "write the name of an"]),
    "no package before a dot": (
        R,
        FOLDER,
        "{package: .nitime}",
        ["source.package is '.nitime'", "write the name of an installed"],
    ),
    "folder out of the package": (
        R,
        FOLDER,
        "{package: nitime, folder: /etc}",
        ["source has the folder '/etc', which is not in the package"],
    ),
    "checksum malformed": (R, "{name: a.h5}", "{name: a.h5, sha256: abc}", ["files.recording.sha256 is 'abc'", "sha256sum"]),
    "path out of the folder": (
        R,
        "{name: a.h5}",
        "{name: x/../../a.h5}",
        ["files.recording.name is 'x/../../a.h5'", "without '..'"],
    ),
    "absolute path": (R, "{name: a.h5}", "{name: /a.h5}", ["files.recording.name is '/a.h5'", "not absolute"]),
    "replicates that differ in case": (R, "  b: {subject", "  A: {subject", ["replicates.A", "only in case", "rename"]),
    "the same files twice": (R, "{name: b.h5}", "{name: a.h5}", ["replicates.b.files", "replicate a", "twice"]),
    "different factors": (R, "{age: 14}", "{Age: 14}", ["replicates.", ".factors lacks", "Age", "unlike most replicates"]),
    # inside a study
    "recording twice": (S, "[culture]", "[culture, culture]", ["recordings names 'culture' twice"]),
    "variant with an unknown key": (
        S,
        "{duration: 20 s}",
        "{durtion: 20 s}",
        ["variants.net.static: durtion", "did you mean 'duration'"],
    ),
    "variant that is no model": (S, "{duration: 20 s}", "{duration: 5 s}", ["variants.net.static: epochs.after", "5 s"]),
    "contrast of an unknown metric": (
        S,
        "late: {metrics: [firing_rate]",
        "late: {metrics: [firing]",
        ["contrasts.late.metrics has 'firing'", "did you mean"],
    ),
    "contrast of an unknown factor": (
        S,
        "{factor: age,",
        "{factor: agee,",
        ["contrasts.ages.between names the factor 'agee'", "did you mean 'age'"],
    ),
    "contrast of an unknown level": (
        S,
        "levels: [7, 14]",
        "levels: [7, 15]",
        ["contrasts.ages.between asks for age = 15", "known: 7, 14"],
    ),
    "contrast at an unknown level": (
        S,
        LATE,
        f"where: {{age: 8}}, {LATE}",
        ["contrasts.late.where asks for age = 8", "known: 7, 14"],
    ),
    "contrast of a level with itself": (S, "levels: [7, 14]", "levels: [7, 7]", ["contrasts.ages.between", "the same"]),
    "contrast at an unknown epoch": (
        S,
        "{metrics: [firing_rate], epoch: after, r",
        "{metrics: [firing_rate], epoch: aftr, r",
        ["contrasts.late.epoch is 'aftr'", "did you mean 'after'"],
    ),
    "reference to an unknown epoch": (
        S,
        "reference: before",
        "reference: befor",
        ["contrasts.late.reference is 'befor'", "did you mean 'before'"],
    ),
    "epoch of a metric": (
        S,
        "firing_rate: {}",
        "firing_rate: {}\n  residual_change: {baseline: before, recovery: aftr}",
        ["metrics.residual_change.recovery is 'aftr', an epoch that no source", "did you mean 'after'"],
    ),
    "contrasts without targets": (
        S,
        "targets:\n  culture: [net, net.static]\n",
        "",
        ["has contrasts but no targets, so that no effect is measured", "targets: {culture: []}"],
    ),
    "reference without an epoch": (S, LATE, "reference: before", ["contrasts.late has a reference but no epoch"]),
    "reference and between": (
        S,
        LATE,
        f"{LATE}, between: {{factor: age, levels: [7, 14]}}",
        ["contrasts.late has both reference and between"],
    ),
    "target not in the study": (
        S,
        "  culture: [net, net.static]",
        "  cultur: [net]",
        ["targets.cultur names 'cultur'", "did you mean 'culture'"],
    ),
    "candidate not in the study": (
        S,
        "net.static]",
        "net.statc]",
        ["targets.culture names 'net.statc'", "did you mean 'net.static'"],
    ),
    "candidate twice": (S, "[net, net.static]", "[net, net]", ["targets.culture names 'net' twice"]),
    "target as its own candidate": (S, "[net, net.static]", "[culture]", ["targets.culture names itself"]),
    # between files
    "study absent": (C, "[demo]", "[dema]", ["studies names 'dema', which is absent", "did you mean 'demo'"]),
    "study twice": (C, "[demo]", "[demo, demo]", ["studies names 'demo' twice"]),
    # YAML
    "key twice": (
        M,
        RUN,
        f"{RUN}\nduration: 11 s",
        ["line 3", "the key 'duration' stands twice, in lines 2 and 3", "remove one"],
    ),
    "key twice, nested": (R, "{subject: one,", "{subject: one, subject: two,", ["the key 'subject' stands twice"]),
    "syntax": (M, "populations:", "populations: [", ["line 5 is not valid"]),
    "tab": (M, "  E: {n", "\tE: {n", ["line 4 is not valid"]),
    "two documents": (T, "title: A twin", "title: A twin\n---\nx: 1", ["line 3 is not valid"]),
    "aliases without end": (C, "seed: 1", f"{BOMB}seed: 1", ["more than 100000 values", "aliases"]),
    "aliases without end in a key": (C, "seed: 1", f"{BOMB}? *a8\n: 1\nseed: 1", ["more than 100000 values", "aliases"]),
    "merged mappings without end": (C, "seed: 1", f"{MERGED}seed: 1", ["more than 100000 values", "aliases"]),
    "a mapping merged into itself": (
        C,
        "seed: 1",
        "a: &a {<<: *a}\nseed: 1",
        ["line 1", "a.<< holds an alias (*name) of itself"],
    ),
    "a tag of no truth": (R, "age: 7", "age: !!bool abc", ["line 11 is not valid: replicates.a.factors.age has the tag !!bool"]),
    "a tag of no time": (R, "age: 7", "age: !!timestamp abc", ["line 11", "factors.age has the tag !!timestamp", "remove it"]),
    "a tag of no mapping": (
        R,
        "title: A culture",
        "title: !!map [1]",
        ["line 1 is not valid: title has the tag !!map", "remove it"],
    ),
    "a tag that fits": (R, "title: A culture", "title: !!str 1", ["line 1 is not valid: title has the tag !!str", "quotes"]),
    "an octal level": (R, "{age: 7}", "{age: 014}", ["line 11", "factors.age is '014', a number with a zero", "in quotes"]),
    "a level that would be a text": (R, "{age: 7}", "{age: 08}", ["line 11", "factors.age is '08', a number with a zero"]),
    "minutes in a level": (R, "{age: 7}", "{age: 1:30}", ["line 11", "factors.age is '1:30', a number to the base of sixty"]),
    "minutes with a fraction": (R, "{age: 7}", "{age: 1:30.5}", ["factors.age is '1:30.5', a number to the base of sixty"]),
    "an octal seed": (C, "seed: 1", "seed: 010", ["line 1", "seed is '010', a number with a zero before it", "decimal digits"]),
    "a hexadecimal seed of 4000 digits": (C, "seed: 1", f"seed: 0x{'f' * 4000}", ["seed is '0xfff", "hexadecimal"]),
    "a seed in a base of sixty": (C, "seed: 1", f"seed: 1{':00' * 3000}", ["seed is '1:00:00", "to the base of sixty"]),
    "the same with a fraction": (C, "seed: 1", f"seed: 1{':00' * 3000}.0", ["seed is '1:00:00", "to the base of sixty"]),
    "a hexadecimal seed": (C, "seed: 1", "seed: 0x10", ["seed is '0x10', a hexadecimal number to YAML; write its"]),
    "a binary seed": (C, "seed: 1", "seed: 0b10", ["seed is '0b10', a binary number to YAML"]),
    "an underscore in a seed": (C, "seed: 1", "seed: 1_0", ["seed is '1_0', a number with an underscore"]),
    "an octal level of a contrast": (S, "levels: [7, 14]", "levels: [7, 014]", ["between.levels.1 is '014'"]),
    "a level with an exponent": (R, "{age: 7}", "{age: 1e2}", ["factors.age is '1e2', not a number", "write 1.0e+2, or put it"]),
    "a level without a zero": (R, "{age: 7}", "{age: -.5}", ["factors.age is '-.5', not a number", "write -0.5, or put it"]),
    "day and month exchanged": (
        R,
        "subject: one",
        "subject: one, session: 2021-31-12",
        ["line 11", "replicates.a.session is '2021-31-12', which is no date (month must be in 1..12)", "YYYY-MM-DD", "quotes"],
    ),
    "a number of 5000 digits": (
        R,
        "age: 7",
        f"age: {'7' * 5000}",
        ["line 11", "factors.age is '7777", "no whole number that can be read", "4300 digits"],
    ),
    "half a character": (
        R,
        "subject: one",
        r'subject: "a\uD800"',
        [r"line 11 is not valid: replicates.a.subject holds the character \ud800", "remove it"],
    ),
    "an escape behind the last character": (
        R,
        "subject: one",
        r'subject: "a\U00110000"',
        ["line 11 is not valid: ", r"an escape (\U...) that stands for no character", "remove it"],
    ),
    "an escape that is no number of C": (R, "subject: one", r'subject: "\UFFFFFFFF"', ["line 11 is not valid: ", "no character"]),
    "a version of 5000 digits": (
        R,
        "title: A culture",
        f"%YAML 1.{'1' * 5000}\n---\ntitle: A culture",
        ["line 1 is not valid: ", "a version that is no number", "remove it"],
    ),
    "a zero in a text": (
        R,
        "subject: one",
        r'subject: "a\0x"',
        [r"replicates.a.subject holds the character \u0000", "remove it"],
    ),
    "a bell in a name": (R, "  b: {", r'  "b\a": {', [r"line 12 is not valid: replicates holds the character \u0007"]),
    "a long name of a file": (
        R,
        "a.h5",
        "a" * 300,
        ["replicates.a.files.recording.name is 'aaaa", "of 300 bytes", "255 between two '/'"],
    ),
    "a long path of a file": (
        R,
        "a.h5",
        "a/" * 501,
        ["replicates.a.files.recording.name is 'a/a/", "of 1002 bytes", "1000 at most"],
    ),
    "a long folder": (R, FOLDER, f"{{folder: {'a' * 300}}}", ["source.folder is 'aaaa", "of 300 bytes"]),
}


def faults(folder: Any, **overrides: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(folder.path, overrides)
    return caught.value.violations


def test_texts_that_look_like_numbers_are_kept_in_quotes(folder: Any) -> None:
    folder.replace(R, "{age: 7}", "{age: '014', dose: 0.50, at: '1:30'}")
    folder.replace(R, "{age: 14}", "{age: '1e2', dose: 10, at: '0x10'}")
    folder.replace(S, "levels: [7, 14]", "levels: ['014', '1e2']")
    replicates = load_config(folder.path).recordings["culture"].replicates
    assert replicates["a"].factors == {"age": "014", "dose": 0.5, "at": "1:30"}
    assert replicates["b"].factors == {"age": "1e2", "dose": 10, "at": "0x10"}


@pytest.mark.parametrize("text", ["08", "014", "0x1F", "1:30", "1_000", "1e5", "-.5", "+.5", "7", "1.5", "no", "2020-01-01", "a"])
def test_a_text_is_written_so_that_it_is_read_again(text: str) -> None:
    """`add` writes what files say, a subject 08 for one, and a crate the config."""
    assert yaml.parse(yaml.dump({"subject": text, text: 1}), "x.yaml") == {"subject": text, text: 1}


def test_the_folder_without_a_fault_is_valid(folder: Any) -> None:
    assert load_config(folder.path).sources("demo") == {"culture": "culture", "net": "net.ci", "net.static": "net.static.ci"}


@pytest.mark.parametrize(("file", "old", "new", "pieces"), CASES.values(), ids=CASES)
def test_a_fault_is_one_line(folder: Any, file: str, old: str, new: str, pieces: list[str]) -> None:
    folder.replace(file, old, new)
    (line,) = faults(folder)
    assert line.startswith(f"config/{file}")
    assert "\n" not in line
    for piece in pieces:
        assert piece in line


NAMES = ["two words", "a;b", "$(touch x)", ".hidden", "-dash", "1st", "größe", "a" * 65, "a.b"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["studies", "recordings", "models"])
def test_file_names_are_plain(folder: Any, kind: str, name: str) -> None:
    folder.write(f"{kind}/{name}.yaml", "title: x\n")
    (line,) = faults(folder)
    assert line.startswith(f"config/{kind}/{name}.yaml: the file's name is")
    assert "letters, digits" in line


@pytest.mark.parametrize("name", ["b c", "a/b", "../x", "b\u0301"])
def test_names_inside_a_file_are_plain(folder: Any, name: str) -> None:
    folder.replace(R, "  b: {", f"  {name!r}: {{".replace("'", '"'))
    (line,) = faults(folder)
    assert line.startswith(f"config/{R}: replicates.")
    assert "letters, digits" in line


CONTENTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "holds NoneType"),
    "a list": ("- title: x\n", "holds list, not 'key: value' lines"),
    "a number": ("3\n", "holds int"),
    "not UTF-8": (b"title: \xff\xfe\n", "byte 7 is not UTF-8"),
    "binary": (bytes(range(256)), "not UTF-8"),
    "NUL": ("title: a\0b\n", "is not YAML"),
    "brackets without end": ("[" * 25_000, "line 1 is nested more than 100 levels deep"),
    "nested behind a fault": ("%YAML 1.1 x\n---\n" + "[" * 25_000, "is not valid"),
    "dashes without end": ("- " * 25_000 + "a\n", "line 1 is nested more than 100 levels deep"),
    "keys in keys": ("".join(f"{' ' * k}a:\n" for k in range(200)), "line 101 is nested more than"),
    "nested as deeply as may be": ("[" * 100 + "]" * 100, "holds list"),
    "too many values": ("a: [" + "1," * 100_000 + "]\n", "holds more than 100000 values"),
    "documents without end": ("--- 1\n" * 100_000, "holds more than 100000 values"),
    "10 MB": ("a: 1 # " + "x" * 10_000_000, "has more than 4000000 bytes"),
    "an alias of itself": ("title: &a [*a]\n", "is not valid"),
    "no end of a quote": ('title: "x\n', "is not valid"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("content", "piece"), CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("file", [C, S, R])
def test_files_that_are_no_mapping(folder: Any, file: str, content: str | bytes, piece: str) -> None:
    folder.write(file, content)
    lines = faults(folder)
    assert any(line.startswith(f"config/{file}: ") and piece in line for line in lines)
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch ran']", "!!python/name:os.system", "!!python/object/new:os.system [x]"]
)
def test_yaml_runs_no_code(folder: Any, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    folder.replace(M, "title: A network", f"title: {tag}")
    (line,) = faults(folder)
    assert "line 1" in line
    assert "python" in line
    assert not (folder.path / "ran").exists()


def test_missing_files_and_folders(folder: Any, tmp_path: Path) -> None:
    (folder.path / C).unlink()
    (line,) = faults(folder)
    assert line.startswith("config/config.yaml: the file is missing")
    with pytest.raises(ConfigError, match="there is no such folder"):
        load_config(tmp_path / "nowhere")


def test_a_folder_in_the_place_of_a_file(folder: Any) -> None:
    (folder.path / "models" / "x.yaml").mkdir()
    (line,) = faults(folder)
    assert line.startswith("config/models/x.yaml: cannot be read")


def test_a_pipe_or_a_device_in_the_place_of_a_file(folder: Any) -> None:
    """Neither is opened: nobody writes into the pipe, and the device has no end."""
    os.mkfifo(folder.path / "models" / "x.yaml")
    (folder.path / "models" / "y.yaml").symlink_to("/dev/zero")
    assert list(faults(folder)) == [f"config/models/{n}.yaml: is no regular file; put the file itself there" for n in "xy"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder: Any) -> None:
    (folder.path / R).chmod(stat.S_IWUSR)
    assert any(line.startswith(f"config/{R}: cannot be read") and "permissions" in line for line in faults(folder))


@pytest.mark.parametrize("ending", [".yml", ".YAML"])
def test_other_endings_are_not_overlooked(folder: Any, ending: str) -> None:
    folder.write(f"models/other{ending}", "title: x\n")
    (line,) = faults(folder)
    assert line == f"config/models/other{ending}: the file's name has the ending {ending!r}; rename it to '.yaml'"


def test_names_that_differ_only_in_case(folder: Any) -> None:
    folder.write("models/Net.yaml", (folder.path / M).read_text())
    (line,) = faults(folder)
    assert "differs from Net.yaml only in case" in line


def test_a_recording_and_a_model_of_one_name(folder: Any) -> None:
    folder.write("models/culture.yaml", "base: net\ntitle: x\n")
    (line,) = faults(folder)
    assert line == "config/models/culture.yaml: there is a recording of the same name; sources need different names, rename one"


def test_a_study_of_nothing(folder: Any) -> None:
    folder.write(S, "title: x\nquestion: y\nmetrics: {firing_rate: {}}\n")
    assert faults(folder) == ("config/studies/demo.yaml: has neither recordings nor models; name at least one",)


def test_fetched_files_need_a_checksum(folder: Any) -> None:
    folder.replace(R, FOLDER, "{url: 'https://example.org/'}")
    a, b = faults(folder)
    assert "replicates.a.files.recording.sha256 is missing" in a
    assert "replicates.b.files.recording.sha256 is missing" in b


def test_epochs_need_a_duration(folder: Any) -> None:
    folder.replace(R, "duration: 100 s\n", "")
    assert all("duration is missing; epochs" in line for line in faults(folder))


@pytest.mark.parametrize(
    ("span", "piece"),
    [
        ("[start - 5 s, 50 s]", "has an end 5 s before the start of observed time; write start"),
        ("[50 s, stop + 5 s]", "has an end 5 s after the end of observed time; write stop"),
    ],
)
def test_epochs_end_inside_observed_time(folder: Any, span: str, piece: str) -> None:
    folder.replace(R, "[60 s, 100 s]", span)
    assert [line for line in faults(folder) if piece in line]
    folder.replace(R, span, "[start + 60 s, stop - 5 s]")
    assert load_config(folder.path)


def test_variants_of_one_name_are_one(folder: Any) -> None:
    text = (folder.path / S).read_text()
    folder.write("studies/more.yaml", text.replace("{duration: 20 s}", "{duration: 30 s}"))
    (line,) = faults(folder)
    assert "variants.net.static differs from the one of the same name in study demo" in line


def test_variant_of_a_model_that_is_not_used(folder: Any) -> None:
    folder.replace(S, "variants:\n  net:", "variants:\n  twin:")
    assert any("variants.twin varies a model that the study does not use" in line for line in faults(folder))


def test_a_variant_is_checked_in_every_size(folder: Any) -> None:
    folder.replace(M, "full: {replicates: 4}", "full: {duration: 40 s}")
    folder.replace(S, "static: {duration: 20 s}", "static: {window: 15 s}")
    assert load_config(folder.path)
    folder.replace(M, "full: {duration: 40 s}", "full: {dt: 1 ms}")
    folder.replace(S, "static: {window: 15 s}", "static: {window: 0.5 ms}")
    assert all("variants.net.static: window" in line for line in faults(folder))


def test_a_recording_that_is_absent_is_named_once(folder: Any) -> None:
    (folder.path / R).unlink()
    assert faults(folder) == ("config/studies/demo.yaml: recordings names 'culture', which is absent; known: none",)


def test_a_fault_in_a_recording_is_not_blamed_on_the_study(folder: Any) -> None:
    folder.replace(R, "title: A culture", "titel: A culture")
    assert all(line.startswith("config/recordings/culture.yaml: tit") for line in faults(folder))


def test_all_faults_at_once(folder: Any) -> None:
    folder.replace(C, "seed: 1", "seed: -1")
    folder.replace(S, LATE, "reference: before")
    folder.replace(R, "[60 s, 100 s]", "[60 s, 101 s]")
    folder.replace(M, "delay: 1 ms", "delay: 1 mV")
    folder.write("models/broken.yaml", "[")
    assert [line.partition(":")[0] for line in faults(folder)] == [
        "config/config.yaml", "config/studies/demo.yaml", "config/recordings/culture.yaml",
        "config/models/broken.yaml", "config/models/net.yaml",
    ]  # fmt: skip
    folder.replace(M, "probability: 0.2", "probability: 2")
    assert len(faults(folder)) == 6


def test_two_faults_in_one_entry_are_two_lines(folder: Any) -> None:
    folder.replace(M, "{target_rate: 5 Hz}", "{target_rate: 5 s, tau: 5 Hz}")
    assert len(faults(folder)) == 2


@pytest.mark.parametrize(
    ("overrides", "piece"),
    [
        ({"sede": 3}, "sede is not a key that is known here; did you mean 'seed'"),
        ({"seed": "3"}, "seed is '3', not a whole number"),
        ({"size": "big"}, "size is 'big'"),
        ({"studies": "demo"}, "studies is 'demo', not a list"),
        ({"studies": []}, "studies is []; name at least one"),
        ({"seed": None}, "seed is empty"),
        ({"seed": 16**4000}, "seed is a whole number of more than 4300 digits; input should be less than"),
        ({"studies": [16**4000]}, "studies.0 is a whole number of more than 4300 digits, not text"),
    ],
)
def test_overrides_are_checked(folder: Any, overrides: dict[str, Any], piece: str) -> None:
    (line,) = faults(folder, **overrides)
    assert line.startswith("config/config.yaml with --config: ")
    assert piece in line


DRIVEN = """
title: An ear
populations: {E: {n: 1, neuron: {lif_current: {tau_membrane: 5 ms, v_rest: -60 mV, v_threshold: -50 mV, v_reset: -60 mV}}}}
protocols: {sound: {recorded_stimulus: {population: E, recording: culture, gain: 1 mV/dB}}}
"""
HEARD = """
title: A study
question: Does it hear?
models: [ear]
metrics: {firing_rate: {}}
contrasts: {heard: {metrics: [firing_rate], epoch: LABEL}}
targets: {ear: []}
"""


def test_a_driven_model_has_the_epochs_of_its_presentations(folder: Any) -> None:
    folder.write("models/ear.yaml", DRIVEN)
    for label in PRESENTATIONS:
        folder.write(S, HEARD.replace("LABEL", label))
        load_config(folder.path)
    folder.write(S, HEARD.replace("LABEL", "adaption"))
    (line,) = faults(folder)
    assert f"did you mean {PRESENTATIONS[0]!r}" in line


def test_an_override_is_named_as_such_in_every_fault(folder: Any) -> None:
    assert faults(folder, studies=["nosuch"]) == (
        "config/config.yaml with --config: studies names 'nosuch', which is absent; known: demo",
    )


def test_overrides_count(folder: Any) -> None:
    assert load_config(folder.path, {"size": "full"}).sources("demo")["net"] == "net.full"


def test_a_merge_key_may_be_overridden(folder: Any) -> None:
    folder.write(T, "<<: {title: A}\nbase: net\ntitle: A twin\n")
    assert load_config(folder.path).raw_models["twin"]["title"] == "A twin"


@pytest.mark.parametrize("name", ["all", "activity", "Logs", "measure", "figures", "claims"])
def test_a_study_is_not_named_as_the_workflows_own_things(folder: Any, name: str) -> None:
    folder.write(f"studies/{name}.yaml", (folder.path / S).read_text())
    (line,) = faults(folder)
    assert (
        line == f"config/studies/{name}.yaml: {name!r} is a rule or a folder of results of the workflow already; rename the study"
    )


def test_a_model_that_is_not_there(folder: Any) -> None:
    with pytest.raises(ConfigError, match="'nett' is no model; did you mean 'net'"):
        load_config(folder.path).raw_model("nett")


def test_a_text_of_10_mb_is_not_parsed() -> None:
    with pytest.raises(ConfigError, match="the YAML: has more than 4000000 bytes"):
        yaml.parse("a: 1\n" * 2_000_000, "the YAML")
