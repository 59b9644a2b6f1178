/**
 * What the pages say, in English. A text may name {facts}; one with forms ("one", "other") is chosen by {count}. The
 * seat map has texts of its own, in seat-map/strings/. The reasons why something failed are shared.
 */
import reasons from "../../../shared/reasons/en.js";

export default {
  ...reasons,

  // All pages.
  again: "Try again",
  programme: "See all films and showtimes",
  theatreTime: "the theatre’s time",
  from: "from {money}",

  // The front page.
  today: "Today",
  tomorrow: "Tomorrow",
  nothingOn: "Nothing is showing in the next few days.",
  noProgramme: "We can’t show the programme at the moment: {reason}.",
  oldNumbers: "Free seats as of {time}: {reason}.",
  noNumbers: "We can’t show how many seats are free at the moment: {reason}.",
  timesOf: "local time in {city}",
  mostlyFree: "Mostly free",
  filling: "Filling up",
  seatsLeft: { one: "{count} seat left", other: "{count} seats left" },
  seatsFree: { one: "{count} seat free", other: "{count} seats free" },
  soldOut: "Sold out",
  soldOutForNow: "Sold out for now",
  saleOver: "Sale has ended",
  saleBegins: "On sale {time}",

  // The showtime page.
  seatsOf: "{title} · seats",
  noShowtime: "There is no such showtime",
  noShowtimeText: "It may be over, or the address may be incomplete.",

  // From a kiosk to this phone.
  takingOver: "Taking your seats over …",
  handedOver: "The seats are yours",
  notHandedOver: "The seats could not be taken over",
  handOffOver: "This code is too old. Show a new one at the kiosk, and scan it again.",
  handOffTaken: "Another phone has taken these seats.",
  handOffPaying: "These seats are being paid for at the kiosk.",
  handOffEnded: "These seats are not held any more. They can be chosen again.",
  handOffLimit: "You hold other seats for this film. Give them back first, and scan the code again.",
  handOffFailed: "That did not work: {reason}.",

  // A booking, and the list of them.
  yourBooking: "Your booking",
  bookingOf: "{title} · your booking",
  confirmed: "Confirmed",
  pending: "Waiting for your payment",
  cancelled: "Cancelled",
  expired: "Not paid in time",
  past: "Over",
  pendingHint: "Your ticket appears here as soon as you have paid.",
  cancelledHint: "The seats are free again. A printed ticket for them is no longer valid.",
  expiredHint: "The seats are free again.",
  atTheDoor: "At the door",
  doorHint:
    "Show this code at the door, on your screen or on paper. Please be there 15 minutes before the film starts.",
  reference: "Booking",
  where: "Where",
  seats: { one: "Seat", other: "Seats" },
  seat: "Seat",
  ticket: "Ticket",
  price: "Price",
  fees: "Fees",
  total: "Total",
  left: "{time} left",
  leftOver: "time is up",
  qrCode: "The ticket’s QR code",
  inLetters: "The code as text",
  withoutCode: "This booking has no code: show its number at the door.",
  print: "Print ticket",
  calendar: "Add to calendar",
  noCalendar: "We can’t create the calendar entry at the moment: {reason}.",
  hall: "See the hall",
  cancel: "Cancel booking",
  cancelSure: "Give up these seats?",
  cancelYes: "Yes, cancel",
  cancelNo: "Keep them",
  notCancelled: "We couldn’t cancel it: {reason}.",
  linkText:
    "The link to this page opens your ticket in any browser. Keep it, or send it to your phone. " +
    "Anyone who has the link has the ticket, so don’t share it.",
  link: "The link to your ticket",
  copy: "Copy link",
  copied: "Copied.",
  copyYourself: "Your browser doesn’t let this page copy. Please copy the link yourself.",
  notYours: "We found no booking of yours with this number.",
  badLink: "This link opens no booking. It may be incomplete.",
  unknownVisitor: "This browser does not know you.",
  badToken: "This token is not valid, or has expired.",
  notFoundHint: "To open a booking, use the complete link you were given, or the browser you booked with.",
  staff: "For staff",
  token: "Your token",
  show: "Show booking",
  old: "This may be out of date: {reason}.",
  notShown: "We can’t show the booking at the moment: {reason}.",

  // My bookings.
  upcoming: "Coming up",
  earlier: "Earlier",
  noBookings: "You have no bookings yet",
  noBookingsText: "What you book in this browser is listed here. In any other browser, open a ticket with its link.",
  noList: "We can’t show your bookings at the moment: {reason}.",
  toTicket: "Show ticket",
  toBooking: "Continue",
  more: "Show more",
  forget: "Forget me on this browser",
  forgetText: "Not your own computer? This removes your bookings from this browser. Links to tickets keep working.",
  forgetYes: "Yes, forget me",
};
