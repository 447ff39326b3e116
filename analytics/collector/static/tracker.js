/*
 * Shelduck's tracker. It takes the commands that shop pages already push to _paq, so that a snippet written for
 * Matomo or for Oro works unchanged once it loads this file from the collector's host.
 *
 * One page view is one request: parameters in the query of a beacon (POST with an empty body), or of an image where
 * beacons are missing. Cookies: visitor (13 months), session (30 minutes), campaign (6 months, the last one wins).
 */
(function (window, document, navigator) {
  "use strict";

  var MONTH = 30 * 24 * 3600;
  var CAMPAIGN_NAMES = [
    "mtm_campaign", "matomo_campaign", "mtm_cpn", "pk_campaign", "pk_cpn", "piwik_campaign",
    "utm_campaign", "utm_source", "utm_medium"
  ];
  var CAMPAIGN_KEYWORDS = [
    "mtm_kwd", "matomo_kwd", "mtm_keyword", "pk_kwd", "pk_keyword", "piwik_kwd", "piwik_keyword", "utm_term"
  ];
  var DOWNLOADS = (
    "7z aac apk arc arj asf asx avi bin bz bz2 csv deb dmg doc docx epub exe flv gif gz gzip hqx ibooks jar jpg jpeg " +
    "js mobi mp2 mp3 mp4 mpg mpeg mov movie msi msp odb odf odg ods odt ogg ogv pdf png ppt pptx qt qtm ra ram rar " +
    "rpm rtf sea sit tar tbz tbz2 tgz torrent txt wav webm wma wmv wpd xls xlsx xml xz z zip"
  ).split(" ");
  // Snippets often push these behind trackPageView; they are about how to track, so they go first.
  var FIRST = (
    "addTracker setTrackerUrl setAPIUrl setSiteId setUserId resetUserId setVisitorId setCookieDomain setCookiePath " +
    "setCookieNamePrefix setCookieSameSite setSecureCookie setVisitorCookieTimeout setSessionCookieTimeout " +
    "setReferralCookieTimeout setDomains disableCookies setDoNotTrack requireConsent requireCookieConsent " +
    "setCampaignName setCampaignNameKey setCampaignKeywordKey setConversionAttributionFirstReferrer " +
    "setRequestMethod alwaysUseSendBeacon disableAlwaysUseSendBeacon appendToTrackingUrl setCustomRequestProcessing"
  ).split(" ");
  var LONGEST_QUERY = 2000; // longer ones travel as a form body
  var MINE = scriptAddress();

  function scriptAddress() {
    var script = document.currentScript;
    return script && script.src ? script.src.split(/[?#]/)[0] : "";
  }

  function hex(bytes) {
    var numbers = new Uint8Array(bytes), text = "";
    (window.crypto || window.msCrypto).getRandomValues(numbers);
    for (var i = 0; i < bytes; i++) text += (numbers[i] + 256).toString(16).slice(1);
    return text;
  }

  function letters(count) {
    var all = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", text = "";
    for (var i = 0; i < count; i++) text += all.charAt(Math.floor(Math.random() * all.length));
    return text;
  }

  function seconds() {
    return Math.round(Date.now() / 1000);
  }

  function isSet(value) {
    return value !== undefined && value !== null && value !== "" && value !== false;
  }

  function text(value) {
    return value === undefined || value === null ? "" : String(value);
  }

  function absolute(url) {
    try {
      return new URL(url, document.baseURI || window.location.href).href;
    } catch (error) {
      return text(url);
    }
  }

  function hostOf(url) {
    try {
      return new URL(url).hostname.toLowerCase();
    } catch (error) {
      return "";
    }
  }

  function decoded(value) {
    try {
      return decodeURIComponent(value.replace(/\+/g, " "));
    } catch (error) {
      return value;
    }
  }

  // The first of the names that has a value in the query or the fragment of an address.
  function parameter(url, names) {
    var parts = url.replace(/^[^?#]*/, "").split(/[?#&]/);
    for (var n = 0; n < names.length; n++) {
      for (var p = 0; p < parts.length; p++) {
        var at = parts[p].indexOf("=");
        if (at > 0 && decoded(parts[p].slice(0, at)) === names[n] && parts[p].length > at + 1) {
          return decoded(parts[p].slice(at + 1));
        }
      }
    }
    return "";
  }

  function readCookie(name) {
    var all = document.cookie.split("; ");
    for (var i = 0; i < all.length; i++) {
      if (all[i].indexOf(name + "=") === 0) return decoded(all[i].slice(name.length + 1));
    }
    return "";
  }

  function cookieNames() {
    return document.cookie.split("; ").map(function (pair) { return pair.split("=")[0]; });
  }

  function list(value) {
    return Array.isArray(value) ? value : value === undefined ? [] : [value];
  }

  function Tracker(trackerUrl, siteId) {
    var self = this;
    var prefix = "_pk_", cookieDomain = "", cookiePath = "/", sameSite = "Lax", isSecure = false;
    var visitorTimeout = 393 * 24 * 3600, sessionTimeout = 1800, referralTimeout = 6 * MONTH;
    var cookiesOff = false, trackNot = false, consentNeeded = false, consentGiven = false, waiting = [];
    var domains = [window.location.hostname.toLowerCase()];
    var userId = "", givenVisitor = "", visitor = null, suffix = null;
    var customUrl = "", title = null, referrer = document.referrer;
    var nameKeys = CAMPAIGN_NAMES, keywordKeys = CAMPAIGN_KEYWORDS, firstCampaignWins = false, givenCampaign = "";
    var items = {}, product = null, dimensions = {}, pageVariables = {}, visitVariables = {};
    var method = "POST", useBeacon = true, extra = "", pageView = "", linksOn = false, process = null;
    var ignored = ["piwik_ignore", "matomo_ignore"];
    var linkClasses = ["piwik_link", "matomo_link"], downloadClasses = ["piwik_download", "matomo_download"];
    var extensions = DOWNLOADS.slice(), heartBeat = 0, activeSince = 0, active = 0;

    // --- cookies ---------------------------------------------------------------------------------

    // Cookie names end in site and a mark of domain and path. A visitor known by an earlier tracker keeps its cookies.
    function cookieName(kind) {
      if (suffix === null) {
        var start = prefix + "id." + siteId + ".";
        var known = cookieNames().filter(function (name) { return name.indexOf(start) === 0; });
        suffix = known.length ? known[0].slice(start.length) : mark((cookieDomain || domains[0]) + cookiePath);
      }
      return prefix + kind + "." + siteId + "." + suffix;
    }

    function mark(value) {
      var sum = 0x811c9dc5; // FNV-1a, 32 bits
      for (var i = 0; i < value.length; i++) sum = Math.imul(sum ^ value.charCodeAt(i), 0x01000193) >>> 0;
      return ("0000" + (sum & 0xffff).toString(16)).slice(-4);
    }

    function writeCookie(name, value, lifetime) {
      if (cookiesOff && lifetime > 0) return;
      document.cookie = name + "=" + encodeURIComponent(value) +
        ";expires=" + new Date(Date.now() + lifetime * 1000).toUTCString() +
        ";path=" + cookiePath + (cookieDomain ? ";domain=" + cookieDomain : "") +
        (sameSite ? ";SameSite=" + sameSite : "") + (isSecure || sameSite === "None" ? ";Secure" : "");
    }

    function hasCookies() {
      return cookiesOff ? 0 : navigator.cookieEnabled === false ? 0 : 1;
    }

    // {id, created, isNew}: from the cookie ("<16 hex>.<created>.", older ones have more parts), else a new one.
    function currentVisitor() {
      if (visitor) return visitor;
      var parts = cookiesOff ? [] : readCookie(cookieName("id")).split(".");
      var isKnown = /^[0-9a-f]{16}$/.test(parts[0] || "");
      visitor = {
        id: givenVisitor || (isKnown ? parts[0] : hex(8)),
        created: isKnown && /^\d+$/.test(parts[1]) ? Number(parts[1]) : seconds(),
        isNew: !isKnown
      };
      return visitor;
    }

    function keepVisitor() {
      var known = currentVisitor();
      var age = seconds() - known.created; // the cookie lives from the first visit on, not from the last
      writeCookie(cookieName("id"), known.id + "." + known.created + ".", Math.max(visitorTimeout - age, 1));
      writeCookie(cookieName("ses"), "1", sessionTimeout);
    }

    // [campaign name, keyword, when, referrer]: what brought the visitor here last.
    function attribution() {
      var kept = ["", "", 0, ""];
      if (!cookiesOff) {
        try {
          var parsed = JSON.parse(readCookie(cookieName("ref")));
          if (Array.isArray(parsed)) kept = [text(parsed[0]), text(parsed[1]), Number(parsed[2]) || 0, text(parsed[3])];
        } catch (error) { /* none yet, or not ours */ }
      }
      var page = pageUrl(), before = JSON.stringify(kept);
      var name = givenCampaign || parameter(page, nameKeys);
      if (name && (!kept[0] || !firstCampaignWins)) {
        kept = [name, parameter(page, keywordKeys), kept[0] === name && kept[2] ? kept[2] : seconds(), kept[3]];
      }
      var host = hostOf(referrer);
      if (host && !isOwn(host) && (!firstCampaignWins || !kept[3])) {
        if (kept[3] !== referrer.slice(0, 1024)) {
          kept = [kept[0], kept[1], kept[2] || seconds(), referrer.slice(0, 1024)];
        }
      }
      if (kept[2] && before !== JSON.stringify(kept)) writeCookie(cookieName("ref"), JSON.stringify(kept), referralTimeout);
      return kept;
    }

    function isOwn(host) {
      return domains.some(function (domain) {
        domain = domain.replace(/^\*?\.?/, "").replace(/\/.*$/, "");
        return host === domain || host.slice(-domain.length - 1) === "." + domain;
      });
    }

    // --- requests --------------------------------------------------------------------------------

    function pageUrl() {
      return customUrl ? absolute(customUrl) : window.location.href;
    }

    function pageTitle(given) {
      if (isSet(given)) return text(given);
      if (title !== null) return typeof title === "string" ? title : text(title && title.title);
      return document.title || "";
    }

    function parameters(own) {
      var now = new Date(), known = currentVisitor(), source = attribution(), all = [];
      function add(name, value) {
        if (isSet(value)) all.push(name + "=" + encodeURIComponent(text(value)));
      }
      Object.keys(own).forEach(function (name) { add(name, own[name]); });
      add("idsite", siteId);
      add("rec", "1");
      add("r", String(Math.random()).slice(2, 8));
      add("h", String(now.getHours()));
      add("m", String(now.getMinutes()));
      add("s", String(now.getSeconds()));
      add("url", pageUrl());
      add("urlref", referrer);
      add("uid", userId);
      add("_id", known.id);
      all.push("_idn=" + (known.isNew ? 1 : 0));
      add("_rcn", source[0]);
      add("_rck", source[1]);
      add("_refts", source[2]);
      add("_ref", source[3]);
      if (product) {
        add("_pks", product.sku);
        add("_pkn", product.name);
        add("_pkc", product.category);
        add("_pkp", product.price);
      }
      Object.keys(dimensions).forEach(function (name) { add(name, dimensions[name]); });
      if (Object.keys(pageVariables).length) add("cvar", JSON.stringify(pageVariables));
      if (Object.keys(visitVariables).length) add("_cvar", JSON.stringify(visitVariables));
      add("pv_id", pageView);
      all.push("cookie=" + hasCookies());
      if (window.screen) add("res", window.screen.width + "x" + window.screen.height);
      return all.join("&") + (extra ? "&" + extra.replace(/^[?&]/, "") : "");
    }

    function mayTrack() {
      var asks = navigator.doNotTrack === "1" || window.doNotTrack === "1" || navigator.msDoNotTrack === "1";
      return !(trackNot && asks) && !readCookie("mtm_optout") && !readCookie("piwik_ignore");
    }

    function track(own, callback) {
      if (!mayTrack()) return;
      if (consentNeeded && !consentGiven) {
        waiting.push([own, callback]);
        return;
      }
      var query = parameters(own);
      keepVisitor();
      currentVisitor().isNew = false;
      if (process) query = process(query);
      if (query) deliver(query, typeof callback === "function" ? callback : null);
    }

    function deliver(query, callback) {
      var url = trackerUrl || MINE.replace(/\.js$/, ".php");
      if (method === "POST" && useBeacon && navigator.sendBeacon) {
        if (beacon(url, query + "&send_image=0")) {
          if (callback) callback({ request: query, success: true });
          return;
        }
      }
      if (query.length > LONGEST_QUERY && window.fetch) {
        window.fetch(url, {
          method: "POST", body: query, credentials: "include", keepalive: query.length < 60000,
          headers: { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" }
        }).catch(function () { /* the page goes on without */ });
        return;
      }
      var image = new Image(1, 1);
      image.onload = function () { if (callback) callback({ request: query, success: true }); };
      image.src = url + (url.indexOf("?") < 0 ? "?" : "&") + query;
    }

    function beacon(url, query) {
      try {
        if (query.length <= LONGEST_QUERY) {
          return navigator.sendBeacon(url + (url.indexOf("?") < 0 ? "?" : "&") + query, "");
        }
        return navigator.sendBeacon(
          url, new Blob([query], { type: "application/x-www-form-urlencoded; charset=utf-8" })
        );
      } catch (error) {
        return false;
      }
    }

    // --- what pages call: views, events, goals, search, content -------------------------------------

    self.trackPageView = function (givenTitle, data, callback) {
      pageView = letters(6);
      active = 0;
      activeSince = Date.now();
      track({ action_name: pageTitle(givenTitle) }, callback);
    };

    self.trackEvent = function (category, action, name, value, data, callback) {
      if (!isSet(category) || !isSet(action)) return;
      track({
        e_c: text(category).trim(), e_a: text(action).trim(), e_n: name,
        e_v: isSet(value) && isFinite(value) ? text(value) : "", ca: "1"
      }, callback);
    };

    self.trackGoal = function (id, revenue, data, callback) {
      track({ idgoal: text(id), revenue: text(revenue) }, callback);
    };

    self.trackSiteSearch = function (keyword, category, count) {
      pageView = letters(6);
      track({ action_name: pageTitle(), search: keyword, search_cat: category, search_count: isSet(count) || count === 0 ? text(count) : "" });
    };

    self.trackLink = function (url, type, data, callback) {
      var own = {};
      own[type === "download" ? "download" : "link"] = absolute(url);
      own.ca = "1";
      track(own, callback);
    };

    self.trackContentImpression = function (name, piece, target) {
      track({ c_n: name, c_p: piece || "Unknown", c_t: target, ca: "1" });
    };

    self.trackContentInteraction = function (interaction, name, piece, target) {
      track({ c_i: interaction, c_n: name, c_p: piece || "Unknown", c_t: target, ca: "1" });
    };

    self.trackRequest = function (query, data, callback) {
      var own = {};
      text(query).split("&").forEach(function (part) {
        var at = part.indexOf("=");
        if (at > 0) own[decoded(part.slice(0, at))] = decoded(part.slice(at + 1));
      });
      track(own, callback);
    };

    self.ping = function () {
      track({ ping: "1" });
    };

    // --- the shop ------------------------------------------------------------------------------------

    self.addEcommerceItem = function (sku, name, category, price, quantity) {
      if (isSet(sku)) items[sku] = [text(sku), text(name), category || "", price || 0, quantity === undefined ? 1 : quantity];
    };

    self.removeEcommerceItem = function (sku) {
      delete items[sku];
    };

    self.clearEcommerceCart = function () {
      items = {};
    };

    self.getEcommerceItems = function () {
      return JSON.parse(JSON.stringify(items));
    };

    self.setEcommerceView = function (sku, name, category, price) {
      product = {
        sku: sku, name: name, price: isSet(price) ? text(price) : "",
        category: Array.isArray(category) ? JSON.stringify(category) : category
      };
    };

    function allItems() {
      return JSON.stringify(Object.keys(items).map(function (sku) { return items[sku]; }));
    }

    self.trackEcommerceOrder = function (order, total, subTotal, tax, shipping, discount) {
      if (!isSet(order) || !isSet(text(total))) return;
      track({
        idgoal: "0", ec_id: order, revenue: text(total), ec_st: text(subTotal), ec_tx: text(tax),
        ec_sh: text(shipping), ec_dt: discount === false ? "" : text(discount), ec_items: allItems()
      });
      items = {};
    };

    self.trackEcommerceCartUpdate = function (total) {
      track({ idgoal: "0", revenue: text(total), ec_items: allItems() });
    };

    // --- who and where ---------------------------------------------------------------------------------

    self.setTrackerUrl = function (url) { trackerUrl = absolute(url); };
    self.setAPIUrl = function () {};
    self.getTrackerUrl = function () { return trackerUrl; };
    self.setSiteId = function (id) { siteId = text(id); suffix = null; visitor = null; };
    self.getSiteId = function () { return siteId; };
    self.setUserId = function (id) { userId = text(id); };
    self.getUserId = function () { return userId; };
    self.resetUserId = function () { userId = ""; };
    self.setVisitorId = function (id) { if (/^[0-9a-f]{16}$/.test(id)) { givenVisitor = id; visitor = null; } };
    self.getVisitorId = function () { return currentVisitor().id; };
    self.getVisitorInfo = function () {
      var known = currentVisitor();
      return [known.isNew ? "1" : "0", known.id, known.created];
    };
    self.appendToTrackingUrl = function (query) { extra = text(query); };
    self.setCustomRequestProcessing = function (handler) { process = typeof handler === "function" ? handler : null; };
    self.setCustomUrl = function (url) { customUrl = text(url); };
    self.getCurrentUrl = pageUrl;
    self.setDocumentTitle = function (given) { title = given; };
    self.setReferrerUrl = function (url) { referrer = text(url); };
    self.getReferrerUrl = function () { return referrer; };
    self.setDomains = function (given) {
      domains = list(given).map(function (one) { return text(one).toLowerCase(); });
      var here = window.location.hostname.toLowerCase();
      if (!isOwn(here)) domains.push(here);
    };
    self.setCustomDimension = function (id, value) { dimensions["dimension" + id] = text(value); };
    self.getCustomDimension = function (id) { return dimensions["dimension" + id]; };
    self.deleteCustomDimension = function (id) { delete dimensions["dimension" + id]; };
    self.setCustomVariable = function (index, name, value, scope) {
      (scope === "page" ? pageVariables : visitVariables)[index] = [text(name).slice(0, 200), text(value).slice(0, 200)];
    };
    self.deleteCustomVariable = function (index, scope) {
      delete (scope === "page" ? pageVariables : visitVariables)[index];
    };

    // --- campaigns -------------------------------------------------------------------------------------

    self.setCampaignName = function (name) { givenCampaign = text(name); };
    self.setCampaignNameKey = function (keys) { nameKeys = list(keys); };
    self.setCampaignKeywordKey = function (keys) { keywordKeys = list(keys); };
    self.setConversionAttributionFirstReferrer = function (first) { firstCampaignWins = Boolean(first); };
    self.getAttributionInfo = function () { return attribution(); };
    self.getAttributionCampaignName = function () { return attribution()[0]; };
    self.getAttributionCampaignKeyword = function () { return attribution()[1]; };
    self.getAttributionReferrerTimestamp = function () { return attribution()[2]; };
    self.getAttributionReferrerUrl = function () { return attribution()[3]; };

    // --- cookies and consent ---------------------------------------------------------------------------

    self.setCookieDomain = function (domain) { cookieDomain = text(domain).replace(/^\*/, ""); suffix = null; };
    self.setCookiePath = function (path) { cookiePath = path || "/"; suffix = null; };
    self.setCookieNamePrefix = function (name) { prefix = text(name); suffix = null; };
    self.setCookieSameSite = function (value) { sameSite = text(value); };
    self.setSecureCookie = function (on) { isSecure = Boolean(on); };
    self.setVisitorCookieTimeout = function (time) { visitorTimeout = Number(time) || visitorTimeout; };
    self.setSessionCookieTimeout = function (time) { sessionTimeout = Number(time) || sessionTimeout; };
    self.setReferralCookieTimeout = function (time) { referralTimeout = Number(time) || referralTimeout; };
    self.hasCookies = hasCookies;
    self.areCookiesEnabled = function () { return !cookiesOff; };
    self.deleteCookies = function () {
      ["id", "ses", "ref"].forEach(function (kind) { writeCookie(cookieName(kind), "", -86400); });
      visitor = null;
    };
    self.disableCookies = function () {
      self.deleteCookies();
      cookiesOff = true;
    };
    self.requireCookieConsent = function () { cookiesOff = !readCookie("mtm_cookie_consent"); };
    self.setCookieConsentGiven = function () { cookiesOff = false; keepVisitor(); };
    self.rememberCookieConsentGiven = function () {
      self.setCookieConsentGiven();
      writeCookie("mtm_cookie_consent", text(Date.now()), 30 * 12 * MONTH);
    };
    self.forgetCookieConsentGiven = function () {
      writeCookie("mtm_cookie_consent", "", -86400);
      self.disableCookies();
    };
    self.requireConsent = function () {
      consentNeeded = true;
      consentGiven = Boolean(readCookie("mtm_consent"));
      if (!consentGiven) cookiesOff = true;
    };
    self.setConsentGiven = function () {
      consentGiven = true;
      cookiesOff = false;
      waiting.splice(0).forEach(function (one) { track(one[0], one[1]); });
    };
    self.rememberConsentGiven = function () {
      self.setConsentGiven();
      writeCookie("mtm_consent", text(Date.now()), 30 * 12 * MONTH);
    };
    self.forgetConsentGiven = function () {
      writeCookie("mtm_consent", "", -86400);
      consentGiven = false;
      self.disableCookies();
    };
    self.hasConsent = function () { return !consentNeeded || consentGiven; };
    self.setDoNotTrack = function (on) { trackNot = Boolean(on); };
    self.optUserOut = function () { writeCookie("mtm_optout", text(Date.now()), 30 * 12 * MONTH); };
    self.forgetUserOptOut = function () { writeCookie("mtm_optout", "", -86400); };
    self.isUserOptedOut = function () { return Boolean(readCookie("mtm_optout")); };

    // --- how it travels --------------------------------------------------------------------------------

    self.setRequestMethod = function (name) { method = text(name).toUpperCase() === "GET" ? "GET" : "POST"; };
    self.getRequestMethod = function () { return method; };
    self.alwaysUseSendBeacon = function () { useBeacon = true; };
    self.disableAlwaysUseSendBeacon = function () { useBeacon = false; };

    // --- links -------------------------------------------------------------------------------------------

    self.setLinkClasses = function (names) { linkClasses = linkClasses.concat(list(names)); };
    self.setDownloadClasses = function (names) { downloadClasses = downloadClasses.concat(list(names)); };
    self.setIgnoreClasses = function (names) { ignored = ignored.concat(list(names)); };
    self.setDownloadExtensions = function (names) { extensions = endings(names); };
    self.addDownloadExtensions = function (names) { extensions = extensions.concat(endings(names)); };
    self.removeDownloadExtensions = function (names) {
      var gone = endings(names);
      extensions = extensions.filter(function (one) { return gone.indexOf(one) < 0; });
    };
    self.enableLinkTracking = function () {
      if (linksOn) return;
      linksOn = true;
      document.addEventListener("click", clicked, true);
      document.addEventListener("auxclick", clicked, true);
    };

    function endings(names) {
      return typeof names === "string" ? names.split("|") : list(names);
    }

    function hasClass(element, names) {
      return names.some(function (name) { return element.classList.contains(name); });
    }

    function clicked(event) {
      if (event.button > 1) return; // the right button opens a menu, no link
      var element = event.target && event.target.closest ? event.target.closest("a[href], area[href]") : null;
      if (!element || hasClass(element, ignored)) return;
      var type = linkType(element);
      if (type) self.trackLink(element.href, type);
    }

    function linkType(element) {
      var address = element.href;
      if (!/^(https?|ftp):/i.test(address)) return "";
      if (hasClass(element, downloadClasses) || element.hasAttribute("download")) return "download";
      if (hasClass(element, linkClasses)) return "link";
      var ending = /\.([a-z0-9]+)$/i.exec(element.pathname || "");
      if (ending && extensions.indexOf(ending[1].toLowerCase()) >= 0) return "download";
      return isOwn(element.hostname.toLowerCase()) ? "" : "link";
    }

    // --- time spent ----------------------------------------------------------------------------------------

    self.enableHeartBeatTimer = function (delay) {
      if (heartBeat) return;
      heartBeat = Math.max(Number(delay) || 15, 5) * 1000;
      activeSince = Date.now();
      document.addEventListener("visibilitychange", function () {
        if (document.visibilityState === "hidden") {
          active += Date.now() - activeSince;
          if (active >= heartBeat) {
            active = 0;
            self.ping();
          }
        } else {
          activeSince = Date.now();
        }
      });
    };
    self.disableHeartBeatTimer = function () { heartBeat = Infinity; };
  }

  // --- the queue -----------------------------------------------------------------------------------------

  var trackers = [];

  function apply(command) {
    if (typeof command === "function") {
      command.call(trackers[0]);
      return;
    }
    if (!command || !command.length) return;
    var name = command[0], values = Array.prototype.slice.call(command, 1);
    if (typeof name === "function") {
      name.apply(trackers[0], values);
      return;
    }
    if (name === "addTracker") {
      trackers.push(new Tracker(values[0] ? absolute(values[0]) : trackers[0].getTrackerUrl(), text(values[1])));
      return;
    }
    trackers.forEach(function (tracker) {
      // What is not known is passed over: a page shall never stop for a counter. Commands may be named "Site.method".
      var known = Object.prototype.hasOwnProperty.call(tracker, name) ? tracker[name] : null;
      if (typeof known === "function") {
        try {
          known.apply(tracker, values);
        } catch (error) {
          if (window.console) window.console.warn("Tracking " + name + " failed:", error);
        }
      } else if (window.console) {
        window.console.warn("Tracking has no command " + name);
      }
    });
  }

  function isFirst(command) {
    return Boolean(command) && typeof command !== "function" && FIRST.indexOf(command[0]) >= 0;
  }

  var Matomo = {
    initialized: true,
    getTracker: function (url, siteId) { return new Tracker(url ? absolute(url) : "", text(siteId)); },
    getAsyncTracker: function (url, siteId) {
      return trackers.filter(function (one) {
        return (!url || one.getTrackerUrl() === absolute(url)) && (!siteId || one.getSiteId() === text(siteId));
      })[0];
    },
    getAsyncTrackers: function () { return trackers; },
    addTracker: function (url, siteId) {
      trackers.push(new Tracker(absolute(url), text(siteId)));
      return trackers[trackers.length - 1];
    }
  };

  function start() {
    var queue = Array.isArray(window._paq) ? window._paq : [];
    window.Matomo = window.Piwik = Matomo;
    trackers.push(new Tracker("", ""));
    ["matomoAsyncInit", "piwikAsyncInit"].forEach(function (name) {
      if (typeof window[name] === "function") window[name]();
    });
    queue.filter(isFirst).forEach(apply);
    queue.filter(function (command) { return !isFirst(command); }).forEach(apply);
    window._paq = { push: function () { Array.prototype.slice.call(arguments).forEach(apply); } };
  }

  if (!(window.Matomo && window.Matomo.initialized)) start();
})(window, document, navigator);
