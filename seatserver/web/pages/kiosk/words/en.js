/** What the kiosk says, in English. A text may name {facts}; one with forms is chosen by {count}. */

export default {
  language: "English",

  // Before it sells.
  connecting: "One moment …",
  offline: "This kiosk is not connected at the moment. It tries again by itself.",
  enrolTitle: "Set up this kiosk",
  enrolText: "Scan the code with a phone, or enter it under Kiosks in /ops.",
  enrolCommand: "Or on the server: seatserver kiosk enrol {code} --theatre …",
  enrolQr: "QR code that leads to /ops",
  revokedTitle: "This kiosk was switched off",
  revokedText: "Staff have ended it. It can be set up again as a new kiosk.",
  setUpAgain: "Set up again",
  lockedTitle: "This kiosk is closed",
  lockedText: "Please buy your tickets at another kiosk or at the box office.",

  // What is on.
  whatsOn: "What’s on today",
  nothingOn: "Nothing more is showing today.",
  showing: "{time} · {hall}",
  touchFilm: "Touch a film to buy tickets.",

  // A sale, one question after the other.
  howMany: "How many tickets?",
  people: "People",
  from: "from {money}",
  oneLess: "One fewer: {name}",
  oneMore: "One more: {name}",
  countOf: "{name}: {count}",
  onwards: "Continue",
  whereToSit: "Where would you like to sit?",
  bestForUs: "Best seats for us",
  onTheMap: "Choose on the map",
  sayIt: "Say what you would like",
  cannotListen: "I cannot listen just now. Please choose on the map.",
  chooseSeats: "Choose your seats",
  takeThese: "Take these seats",
  yourSeats: "Your seats",
  otherSeats: "Other seats",
  noOthers: "There are no other good seats together.",
  back: "Back",
  startOver: "Start over",
  done: "Done",

  // Paying.
  pay: "Pay {money}",
  holdCard: "Hold your card to the reader",
  declined: "Your card was declined",
  otherCard: "Try another card",
  checking: "Checking the payment …",
  stayHere: "Please stay here for a moment. You will not be charged twice.",
  simulated: "This reader is simulated. What does the card do?",
  simTap: "Tap",
  simDecline: "Be declined",
  simLose: "Tap, answer lost",
  thanks: "Enjoy the film",
  takeTicket: "Take your ticket, or photograph the code.",
  ticketQr: "QR code of your ticket",
  notPaid: "Nothing was charged",
  voidTimeout: "No card came in time. Your seats are free again.",
  voidCancelled: "You cancelled. Your seats are free again.",
  voidLate: "The booking had ended. If your card was charged, the money comes back.",

  // What goes wrong.
  justGone: "Those seats have just gone. Please choose others.",
  notTogether: "We couldn’t find that many seats together. Try fewer, or choose on the map.",
  ticketsRefused: "These tickets are not sold together.",
  seatsLost: "Time ran out, and your seats are free again",
  failed: "That did not work. Please try again.",

  // Is anybody there?
  stillThere: "Are you still there?",
  stillHere: "Yes, I need more time",
  leavingIn: { one: "We start over in {count} second.", other: "We start over in {count} seconds." },

  // For everyone.
  speech: "Speech",
  speechOn: "Speech is on. Use the arrow keys, and Enter to choose.",
  contrast: "Contrast",
  large: "Large text",
  reach: "Lower controls",
};
