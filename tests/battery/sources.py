"""Where conditions come from."""

SOURCES = {
    "aarts2014": "Aarts et al. 2014, Nat Neurosci 17:491, doi:10.1038/nn.3648",
    "berry1998": "Berry & Meister 1998, J Neurosci 18:2200, doi:10.1523/JNEUROSCI.18-06-02200.1998",
    "buzsaki2014": "Buzsaki & Mizuseki 2014, Nat Rev Neurosci 15:264, doi:10.1038/nrn3687",
    "cohen2011": "Cohen & Kohn 2011, Nat Neurosci 14:811, doi:10.1038/nn.2842",
    "deheuvel2020": "de Heuvel et al. 2020, arXiv:2005.00608",
    "he2014": "He 2014, Trends Cogn Sci 18:480, doi:10.1016/j.tics.2014.04.003",
    "srinath2014": "Srinath & Ray 2014, J Neurophysiol 112:741, doi:10.1152/jn.00851.2013",
    "torao2021": "Torao-Angosto et al. 2021, Front Syst Neurosci 15:609645, PMC7900541",
    "wilting2018": "Wilting & Priesemann 2018, Nat Commun 9:2325, doi:10.1038/s41467-018-04725-4",
    "gal2010": "Gal et al. 2010, J Neurosci 30:16332, doi:10.1523/JNEUROSCI.4859-10.2010",
    "goris2014": "Goris, Movshon & Simoncelli 2014, Nat Neurosci 17:858, doi:10.1038/nn.3711",
    "gritsun2011": "Gritsun et al. 2011, Biol Cybern 105:197, doi:10.1007/s00422-011-0457-3",
    "hengen2013": "Hengen et al. 2013, Neuron 80:335, doi:10.1016/j.neuron.2013.08.038",
    "hengen2016": "Hengen et al. 2016, Cell 165:180, doi:10.1016/j.cell.2016.01.046",
    "maimon2009": "Maimon & Assad 2009, Neuron 62:426, doi:10.1016/j.neuron.2009.03.021",
    "mizuseki2013": "Mizuseki & Buzsaki 2013, Cell Rep 4:1010, doi:10.1016/j.celrep.2013.07.039",
    "okun2015": "Okun et al. 2015, Nature 521:511, doi:10.1038/nature14273",
    "ranck1973": "Ranck 1973, Exp Neurol 41:461, doi:10.1016/0014-4886(73)90290-2",
    "saravanan2020": "Saravanan, Berman & Sober 2020, Neurons Behav Data Anal Theory 3(5), "
    "arXiv:2007.07797",
    "shoham2006": "Shoham, O'Connor & Segev 2006, J Comp Physiol A 192:777, "
    "doi:10.1007/s00359-006-0117-6",
    "slomowitz2015": "Slomowitz et al. 2015, eLife 4:e04378, doi:10.7554/eLife.04378",
    "soudry2014": "Soudry & Meir 2014, Front Comput Neurosci 8:35, doi:10.3389/fncom.2014.00035",
    "torrado2021": "Torrado Pacheco et al. 2021, Neuron 109:530, doi:10.1016/j.neuron.2020.11.001",
    "turrigiano2008": "Turrigiano 2008, Cell 135:422, doi:10.1016/j.cell.2008.10.008",
    "wagenaar2006": "Wagenaar, Pine & Potter 2006, BMC Neurosci 7:11, doi:10.1186/1471-2202-7-11",
    "watson2016": "Watson et al. 2016, Neuron 90:839, doi:10.1016/j.neuron.2016.03.036",
}
