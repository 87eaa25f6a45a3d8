// Runs before the first paint, so that a stored theme or language does not flash.
// Keys and values must match src/lib/theme.ts and src/lib/i18n.ts.
(function () {
  var root = document.documentElement;
  try {
    var theme = localStorage.getItem('sourcebook.theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
    var language = localStorage.getItem('sourcebook.language');
    if (language === 'en' || language === 'fr' || language === 'ar') {
      root.lang = language;
      root.dir = language === 'ar' ? 'rtl' : 'ltr';
    }
  } catch {
    // Storage is switched off: the system's theme and the browser's language are used.
  }
})();
