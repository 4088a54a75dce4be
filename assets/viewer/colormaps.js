// Colour tables: 256 colours each, three bytes (red, green, blue) a colour, base64.
// viridis, inferno and cividis are OpenCV's tables, so that the page and the exported pictures agree
// (a test compares them). "diverging" runs from blue over light grey to orange: both ends stay apart
// for people who confuse red and green.

const COLOUR_TABLES = {
  viridis:
    "RAFURAJWRQRXRQVZRgdaRghcRgpdRgteRw1gRw5hRxBjRxFkRxNlSBRnSBZoSBdpSBhqSBpsSBttSBxuSB1vSB9wSCBxSCFzSCN0" +
    "SCR1SCV2SCZ3SCh4SCl5Ryp6Ryx6Ry17Ry58Ry99RjB+RjJ+RjN/RjSARTWBRTeBRTiCRDmDRDqDRDuEQz2EQz6FQj+FQkCGQkGG" +
    "QUKHQUSHQEWIQEaIP0eIP0iJPkmJPkqJPkyKPU2KPU6KPE+KPFCLO1GLO1KLOlOLOlSMOVWMOVaMOFiMOFmMN1qMN1uNNlyNNl2N" +
    "NV6NNV+NNGCNNGGNM2KNM2ONMmSOMmWOMWaOMWeOMWiOMGmOMGqOL2uOL2yOLm2OLm6OLm+OLXCOLXGOLHGOLHKOLHOOK3SOK3WO" +
    "KnaOKneOKniOKXmOKXqOKXuOKHyOKH2OJ36OJ3+OJ4COJoGOJoKOJoKOJYOOJYSOJYWOJIaOJIeOI4iOI4mOI4qNIouNIoyNIo2N" +
    "IY6NIY+NIZCNIZGMIJKMIJKMIJOMH5SMH5WLH5aLH5eLH5iLH5mKH5qKHpuKHpyJHp2JH56JH5+IH6CIH6GIH6GHH6KHIKOGIKSG" +
    "IaWFIaaFIqeFIqiEI6mDJKqDJauCJayCJq2BJ62BKK6AKa9/KrB/LLF+LbJ9LrN8L7R8MbV7MrZ6NLZ5Nbd5N7h4OLl3Orp2O7t1" +
    "Pbx0P7xzQL1yQr5xRL9wRsBvSMFuSsFtTMJsTsNrUMRqUsVpVMVoVsZnWMdlWshkXMhjXsliYMpgY8tfZcteZ8xcac1bbM1abs5Y" +
    "cM9Xc9BWddBUd9FTetFRfNJQf9NOgdNNhNRLhtVJidVIi9ZGjtZFkNdDk9dBldhAmNg+m9k8ndk7oNo5oto3pds2qNs0qtwyrdww" +
    "sN0vst0ttd4ruN4put4ovd8mwN8lwt8jxeAhyOAgyuEfzeEd0OEc0uIb1eIa2OIZ2uMZ3eMY3+MY4uQY5eQZ5+QZ6uUa7OUb7+Uc" +
    "8eUd9OYe9uYg+OYh++cj/ecl",
  inferno:
    "AAAEAQAFAQEGAQEIAgEKAgIMAgIOAwIQBAMSBAMUBQQXBgQZBwUbCAUdCQYfCgciCwckDAgmDQgpDgkrEAktEQowEgoyFAs0FQs3" +
    "Fgs5GAw8GQw+GwxBHAxDHgxFHwxIIQxKIwxMJAxPJgxRKAtTKQtVKwtXLQtZLwpbMQpcMgpeNApfNglhOAliOQljOwlkPQllPglm" +
    "QApnQgpoRApoRQppRwtqSQtqSgxrTAxrTQ1sTw1sUQ5sUg5tVA9tVQ9tVxBuWRBuWhFuXBJuXRJuXxNuYRNuYhRuZBVuZRVuZxZu" +
    "aRZuahdubBhubRhubxlucRluchpudBpudRtudxxteBxteh1tfB1tfR5tfx5sgB9sgiBshCBrhSFrhyFriCJqiiJqjCNpjSNpjyRp" +
    "kCVokiVokyZnlSZnlydmmCdmmihlmylknSlknypjoCpjoitioyxhpSxgpi1gqC5fqS5eqy9erTBdrjBcsDFbsTJaszJatDNZtjRY" +
    "tzVXuTVWujZVvDdUvThTvzlSwDpRwTpQwztPxDxOxj1Nxz5MyD9LykBKy0FJzEJIzkNHz0RG0EVF0kZE00dD1EhC1UpB10s/2Ew+" +
    "2U092k4821A73VE63lI431M34FU24VY14lc041kz5Fox5Vww5l0v514u6GAt6WEr6mMq62Qp62Yo7Gcm7Wkl7mok72wj724h8G8g" +
    "8XEf8XMd8nQc83Yb83gZ9HkY9XsX9X0V9n4U9oAT94IS94QQ+IUP+IcO+IkM+YsL+YwK+Y4J+pAI+pIH+pQH+5YG+5cG+5kG+5sG" +
    "+50H/J8H/KEI/KMJ/KUK/KYM/KgN/KoP/KwR/K4S/LAU/LIW/LQY+7Ya+7gd+7of+7wh+74j+sAm+sIo+sQq+sYt+ccv+cky+cs1" +
    "+M03+M8699E999NA9tVD9tdG9dlJ9dtM9N1P9N9T9OFW8+Na8+Vd8uZh8uhl8upp8ext8e1x8e918fF58vJ98vSC8/WG8/aK9PiO" +
    "9fmS9vqW+Pua+fyd+v2h/P+k",
  cividis:
    "ACJOACNPACRRACVTACVUACZWACdYAChZAChbACldACpfACphACtiACxkACxmAC1oAC5qAC5sAC9tADBvADBwADFwADFxATJxBTNx" +
    "CDNwDDRwDzVwEjVwFDZwFjdwGDdvGjhvHDlvHjpvIDpvITtuIzxuJDxuJj1uJz5uKT9uKj9tK0BtLUFtLkFtL0JtMUNtMkNtM0Rt" +
    "NEVsNUVsNkZsOEdsOUhsOkhsO0lsPEpsPUpsPktsP0xsQExsQU1sQk5sQ05sRE9sRVBsRlFsR1FsSFJsSVNsSlNsS1RsTFVsTVVs" +
    "TlZsT1dsUFdsUVhtUlltU1ptVFptVVttVVxtVlxtV11tWF5tWV5uWl9uW2BuXGFuXWFuXmJuXmNvX2NvYGRvYWVvYmVvY2ZwZGdw" +
    "ZWhwZWhwZmlwZ2pxaGpxaWtxamxxa21ybG1ybG5ybW9ybm9zb3BzcHFzcXJ0cnJ0cnN0c3R1dHR1dXV1dnZ2d3d2d3d3eHh3eXl3" +
    "enp4e3p4fHt4fXx4fnx4fn14f354gH94gX94goB5g4F5hIJ5hYJ5hoN5h4R4iIV4iYV4ioZ4i4d4jIh4jYh4jol4j4p4kIt4kYt4" +
    "kox4ko14k454lI53lY93lpB3l5F3mJJ3mZJ3mpN2m5R2nJV2nZV2npZ2n5d1oJh1oZl1opl1o5p0pJt0pZx0ppx0p51zqJ5zqZ9z" +
    "qqBzq6ByrKFyraJyrqNxr6RxsKVxsaVws6ZwtKdvtahvtqlvt6luuKpuuattuqxtu61tvK5sva5svq9rv7BrwLFqwbJqwrNpw7Np" +
    "xLRoxbVoxrZnx7dnyLhmyblly7llzLpkzbtjzrxjz71i0L5i0b9h0sBg08Bf1MFf1cJe1sNd18Rc2cVc2sZb28da3MhZ3chY3slY" +
    "38pX4MtW4cxV4s1U5M5T5c9S5tBR59FQ6NJP6dNO6tNM69RL7dVK7tZJ79dI8NhG8dlF8tpE89tC9dxB9t0/994++N88+eA6++E4" +
    "/OI2/eM0/uQ0/uU1/uY2/ug4",
  diverging:
    "CDBrCTFtCTNuCjRwCjVxCzZzDDh0DDl2DTp3DTt5Dj16Dj58Dz99EEF/EEKAEUOCEUSDEkaFE0eHE0iIFEmKFEuLFUyNFk2OFk6Q" +
    "F1CRF1GTGFKUGFSWGVWXGlaZGleaG1mcG1qdHFufHVyhHV6iHl+kHmClH2KnIGOoIGSqIWWrImesI2itJWquJ2yvKG2wKm+xLHCx" +
    "LXKyL3OzMXW0Mne1NHi1Nnq2N3u3OX24O365PIC6PoK6P4O7QYW8Q4a9RIi+Rom/SIu/SY3AS47BTZDCTpHDUJPDUpXEU5bFVZjG" +
    "V5nHWJvIWpzIW57JXaDKX6HLYKPMYqTNZKbNZafOZ6nPaqvQbazRca7RdLDSd7HTerPUfrXUgbbVhLjWh7rXirvYjr3Ykb/ZlMDa" +
    "l8Lbm8TbnsXcocfdpMnep8rfq8zfrs7gsc/htNHiuNPiu9TjvtbkwdjlxNnmyNvmy93nzt7o0eDp1eLp2OPq2+Xr3ufs4ejt5ert" +
    "6Ozu6+3v7u/w8O/u8O3q8Ozn8Orj8Ojf8ebb8eXY8ePU8eHQ8d/M8d3I8dzF8drB8di98da58dW28tOy8tGu8s+q8s6n8syj8sqf" +
    "8sib8seY8sWU8sOQ8sGM87+I876F87yB87p987h587d287Vy87Nu87Fq87Bn9K5j9Kxf9Kpb9KlY9KdU9KVQ86NO8qFN8Z9L8J1K" +
    "75xI7ppH7ZhF7JZE65RC6pJB6ZA/6I4+54085os75ok55Yc45IU244M14oEz4X8y4H0w33wv3not3Xgs3HYq23Qp2nIn2XAm2G4k" +
    "120j1msh1Wkg1Gce02Ud0mMb0WEa0F8Yz10XzlwVzVoUzFgSy1YRylQQyFMQxlIPw1EPwVAPv08OvU4Ou00OuEwNtksNtEoNskkM" +
    "sEgMrUcMq0YLqUULp0QLpUIKo0EKoEAKnj8JnD4Jmj0JmDwIlTsIkzoIkTkHjzgHjTcHijYGiDUGhjQGhDMFgjIFgDAFfS8Eey4E" +
    "eS0EdywDdSsDcioDcCkCbigC",
};

/** Uint8Array of 256 × 3 for a named colour map. */
const colourTable = (() => {
  const decoded = {};
  return (name) => (decoded[name] ??= bytesFromBase64(COLOUR_TABLES[name]));
})();

/** CSS colour at place t (0..1) of a colour map. */
function colourAt(name, t) {
  const table = colourTable(name);
  const at = 3 * Math.round(255 * Math.min(1, Math.max(0, t)));
  return "rgb(" + table[at] + ", " + table[at + 1] + ", " + table[at + 2] + ")";
}
