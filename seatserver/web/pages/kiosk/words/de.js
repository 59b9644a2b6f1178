/** Was das Automatenterminal sagt, auf Deutsch; siehe en.js. */

export default {
  language: "Deutsch",

  // Bevor es verkauft.
  connecting: "Einen Moment …",
  offline: "Dieser Automat ist gerade nicht verbunden. Er versucht es von selbst wieder.",
  enrolTitle: "Automaten einrichten",
  enrolText: "Scannen Sie den Code mit einem Telefon, oder geben Sie ihn in /ops unter „Kiosks“ ein.",
  enrolCommand: "Oder auf dem Server: seatserver kiosk enrol {code} --theatre …",
  enrolQr: "QR-Code, der zu /ops führt",
  revokedTitle: "Dieser Automat wurde abgeschaltet",
  revokedText: "Das Personal hat ihn beendet. Er lässt sich als neuer Automat einrichten.",
  setUpAgain: "Neu einrichten",
  lockedTitle: "Dieser Automat ist geschlossen",
  lockedText: "Bitte kaufen Sie Ihre Karten an einem anderen Automaten oder an der Kasse.",

  // Was läuft.
  whatsOn: "Heute im Programm",
  nothingOn: "Heute läuft nichts mehr.",
  showing: "{time} · {hall}",
};
